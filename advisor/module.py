"""One Python file as a syntax tree: what it imports, defines and binds, and the dotted path that an expression stands for."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = Mapping[str, str]
"""Name in a function -> dotted path of what it was made from."""


@dataclass
class Module:
    """One Python file."""

    file: str
    name: str
    """Dotted name, from the project's root."""
    tree: ast.Module
    imports: dict[str, str] = field(default_factory=dict)
    """Local name -> dotted name of what was imported, wherever in the file."""
    functions: dict[str, Function] = field(default_factory=dict)
    """``name`` or ``Class.name``."""
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    """Modules that all names are imported from."""
    scope: dict[str, str] = field(default_factory=dict)
    """Names that the module itself sets from calls: ``client = httpx.AsyncClient()``."""

    def __post_init__(self) -> None:
        for node in _statements(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.imports[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                origin = self._origin(node)
                named = [alias for alias in node.names if alias.name != "*"]
                self.imports.update({alias.asname or alias.name: f"{origin}.{alias.name}" for alias in named})
                self.stars += [origin] if len(named) < len(node.names) else []
        for top in self._top(self.tree):
            if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef):
                self.functions[top.name] = top
                self._registered(top)
            elif isinstance(top, ast.ClassDef):
                self.classes[top.name] = top
                methods = (m for m in self._top(top) if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef))
                self.functions.update({f"{top.name}.{m.name}": m for m in methods})
        set_here = [node for node in self._top(self.tree) if isinstance(node, ast.Assign | ast.AnnAssign)]
        self.scope.update(bindings(self, set_here, {}))

    def _registered(self, outer: Function) -> None:
        """Functions inside a function that a decorator makes views: ``@router.get("/")`` in ``def register(router)``."""
        for node in outer.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_registered(node):
                self.functions.setdefault(node.name, node)

    def _top(self, node: ast.AST) -> Iterator[ast.stmt]:
        """Statements of a module or class, those under ``if`` and ``try`` too."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If | ast.Try):
                yield from self._top(child)
            elif isinstance(child, ast.stmt):
                yield child

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        inside = self.name.split(".") if self.file.endswith("/__init__.py") else self.name.split(".")[:-1]
        inside = inside[: len(inside) - node.level + 1]
        return ".".join([*inside, *([node.module] if node.module else [])])

    def dotted(self, node: ast.AST, scope: Scope | None = None) -> str:
        """Path of an expression, its calls left out; '' where it begins with anything but a name.

        ``Product.objects.filter(x).first()`` -> ``store.models.Product.objects.filter.first``.
        """
        parts: list[str] = []
        while not isinstance(node, ast.Name):
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            elif isinstance(node, ast.Call):
                node = node.func
            elif isinstance(node, ast.Subscript):
                node = node.value
            else:
                return ""
        return ".".join([self._base(node.id, parts, scope or {}), *reversed(parts)])

    def _base(self, name: str, parts: list[str], scope: Scope) -> str:
        if name == "self" and parts and f"self.{parts[-1]}" in scope:
            return scope[f"self.{parts.pop()}"]
        if name in scope:
            return scope[name]
        if name in self.imports:
            return self.imports[name]
        if name in self.functions or name in self.classes:
            return f"{self.name}.{name}"
        return self.scope.get(name, name)


def is_registered(function: Function) -> bool:
    """Whether a decorator such as ``@api.get("/path")`` takes the function."""
    return any(isinstance(d, ast.Call) and isinstance(d.func, ast.Attribute) for d in function.decorator_list)


def children(node: ast.AST) -> Iterator[ast.AST]:
    """What a node is made of, without the marks of reading and writing. Much faster than ``ast.iter_child_nodes``."""
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            yield from (item for item in value if isinstance(item, ast.AST))
        elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context | ast.operator | ast.cmpop):
            yield value


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement in a file, however deep; expressions are not entered."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in ("body", "orelse", "handlers", "finalbody", "cases"):
            inner = getattr(node, name, None)
            waiting += inner if isinstance(inner, list) else []


def bindings(module: Module, statements: Iterable[ast.AST], scope: Scope) -> Iterator[tuple[str, str]]:
    """What these statements bind names to, ``self.x`` included. A name that is bound to several things keeps the last one."""
    known = dict(scope)
    for node in statements:
        pairs: list[tuple[ast.expr, ast.expr]] = []
        if isinstance(node, ast.Assign):
            pairs = [(target, node.value) for target in node.targets]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            pairs = [(node.target, node.value)]
        elif isinstance(node, ast.With | ast.AsyncWith):
            pairs = [(item.optional_vars, item.context_expr) for item in node.items if item.optional_vars is not None]
        elif isinstance(node, ast.For | ast.AsyncFor):
            pairs = [(node.target, node.iter)]
        for target, value in pairs:
            name = (
                target.id if isinstance(target, ast.Name) else module.dotted(target) if isinstance(target, ast.Attribute) else ""
            )
            made = module.dotted(value.value if isinstance(value, ast.Await) else value, known)
            if name and made and (name.startswith("self.") or "." not in name):
                known[name] = made
                yield name, made
