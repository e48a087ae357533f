"""Which environment variables the settings cannot do without, read from their text: nothing of the project is run."""

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from settings.source import Source

_GIVEN = ("DJANGO_SETTINGS_MODULE", "GATEWAY_", "PATH", "HOME", "PYTHON", "LANG", "HOSTNAME")
"""Set by the target itself, whatever the config says."""
_CALLS = ("env", "config")
"""Names under which django-environ's Env and decouple's config are usually known; a call without default needs the variable."""
_LIBRARIES = ("environ", "decouple", "environs")


@dataclass(frozen=True)
class Read:
    """A variable that is needed, and where the settings say so."""

    name: str
    file: str
    line: int


def missing(source: Source, settings_module: str, given: Collection[str]) -> list[Read]:
    """Variables that the settings need and nobody gives; each once."""
    found: dict[str, Read] = {}
    for read in needed(source, settings_module):
        if read.name not in given and not read.name.startswith(_GIVEN):
            found.setdefault(read.name, read)
    return list(found.values())


def needed(source: Source, settings_module: str) -> Iterator[Read]:
    """``os.environ["X"]`` and the like in the settings module, and in the modules of its package that it imports from."""
    waiting, seen = [settings_module], set[str]()
    while waiting:
        module = waiting.pop()
        file = next((f for f in _files(module) if source.text(f) is not None), "")
        if not file or file in seen:
            continue
        seen.add(file)
        try:
            tree = ast.parse(source.text(file) or "")
        except SyntaxError:
            continue
        package = module if file.endswith("/__init__.py") else module.rpartition(".")[0]
        waiting += [name for name in _imports(tree, package) if name.startswith(settings_module.split(".")[0] + ".")]
        yield from (Read(name, file, line) for name, line in _reads(tree))


def _files(module: str) -> tuple[str, ...]:
    path = module.replace(".", "/")
    return tuple(f"{root}{path}{end}" for root in ("", "src/") for end in (".py", "/__init__.py"))


def _imports(tree: ast.Module, package: str) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            yield ".".join(filter(None, [base, node.module or ""]))


def _reads(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What runs when the module is imported: not in functions, not under ``if`` or ``try``, where it may be a choice."""
    libraries = {alias.name.split(".")[0] for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    libraries |= {(node.module or "").split(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom)}
    known = bool(libraries & set(_LIBRARIES))
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr | ast.AugAssign):
            yield from _in_expression(statement, known)


def _in_expression(node: ast.AST, library: bool) -> Iterator[tuple[str, int]]:
    if isinstance(node, ast.IfExp | ast.BoolOp | ast.Lambda):
        return  # a choice
    if (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and _is_environ(node.value)
        and (name := _text(node.slice))
    ):
        yield name, node.lineno
    if isinstance(node, ast.Call) and library and node.args and (name := _text(node.args[0])):
        function = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        has_default = any(keyword.arg == "default" for keyword in node.keywords) or len(node.args) > 1
        if isinstance(function, ast.Name) and function.id in _CALLS and not has_default and name.isupper():
            yield name, node.lineno
    for child in ast.iter_child_nodes(node):
        yield from _in_expression(child, library)


def _is_environ(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (isinstance(node, ast.Name) and node.id == "environ")


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
