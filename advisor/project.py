"""The Django project that the files make: settings, entry points, views, dependencies, all read and never run."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from advisor.code import Code
from advisor.module import Function, Module, is_registered
from advisor.work import Reader
from settings.source import Source

HTTP_METHODS = frozenset(("get", "post", "put", "patch", "delete", "head", "options", "dispatch"))
_SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE['\"]\s*[,\]=]+\s*['\"]([\w.]+)['\"]")
_VIEW_LIKE = re.compile(r"^(?:async )?def \w+\(\s*request\b|^class \w+\([^)]*(?:View|ViewSet|APIView)\b", re.MULTILINE)
_REQUIREMENT_FILES = re.compile(
    r"(^|/)(requirements[^/]*\.(txt|in)|requirements/[^/]+\.(txt|in)|pyproject\.toml|Pipfile|setup\.(py|cfg))$"
)


@dataclass(frozen=True)
class View:
    """An async view."""

    module: Module
    name: str
    """``name`` or ``Class.method``."""
    function: Function
    routed: bool
    """Whether a urls.py names it, or a decorator of an API does."""


@dataclass(frozen=True)
class Entry:
    """Which modules the site is started with; '' where the config does not say."""

    settings: str = ""
    wsgi: str = ""
    asgi: str = ""
    websockets_optional: bool = False


class Project:
    """A Django project in a folder."""

    def __init__(self, source: Source, entry: Entry) -> None:
        self.source, self.entry = source, entry
        self.code = Code(source.root, source.files)
        self.reader = Reader(self.code)

    @cached_property
    def settings(self) -> tuple[Module, ...]:
        """The settings modules that are served with: those of the config, else of the entry points, else of manage.py."""
        places = [f for f in self.code.files if re.search(r"(^|/)(wsgi|asgi)(/__init__)?\.py$", f)]
        named = [self.entry.settings] if self.entry.settings else _settings_of(self.code, places)
        named = named or _settings_of(self.code, [f for f in self.source.files if f.rpartition("/")[2] == "manage.py"])
        found: dict[str, Module] = {}
        waiting = list(named)
        while waiting:
            module = self.code.named(waiting.pop(0))
            if module and module.file not in found:
                found[module.file] = module
                waiting += module.stars
        return tuple(found.values())

    def assigned(self, *names: str) -> Iterator[tuple[Module, ast.expr]]:
        """Values that the settings give to these names, by ``=``, ``+=``, ``.append``, ``.insert`` or ``["..."] =``."""
        for module in self.settings:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    if node.value is not None and any(_root(target) in names for target in targets):
                        yield module, node.value
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _root(node.func.value) in names:
                    yield from ((module, argument) for argument in node.args)

    def entry_module(self, kind: str) -> Module | None:
        """The module that ``wsgi`` or ``asgi`` is served from."""
        named = self.entry.wsgi if kind == "wsgi" else self.entry.asgi
        if named:
            return self.code.named(named.partition(":")[0])
        found = [f for f in self.code.files if re.search(rf"(^|/){kind}(/__init__)?\.py$", f)]
        beside = [f for f in found if any(f.split("/")[0] == module.file.split("/")[0] for module in self.settings)] or found
        return self.code.module(min(beside, key=lambda f: (f.count("/"), f))) if beside else None

    @cached_property
    def requirements(self) -> tuple[tuple[str, int, str], ...]:
        """File, line and text of every line that may name a dependency."""
        files = [f for f in self.source.files if _REQUIREMENT_FILES.search(f) and f.count("/") < 3]
        return tuple((f, n, line) for f in files for n, line in enumerate(self.code.text(f).splitlines(), 1))

    def requires(self, package: str) -> tuple[str, int] | None:
        """File and line of the dependency."""
        name = re.escape(package).replace("\\-", "[-_.]").replace("_", "[-_.]")
        wanted = re.compile(rf"^[\s\"']*{name}(?![-\w.])", re.IGNORECASE)
        return next(((f, n) for f, n, line in self.requirements if wanted.match(line)), None)

    @cached_property
    def _routed(self) -> frozenset[str]:
        """Every word in files that route URLs."""
        texts = (self.code.text(f) for f in self.code.files)
        return frozenset(word for text in texts if "urlpatterns" in text for word in re.findall(r"\w+", text))

    @cached_property
    def view_count(self) -> int:
        """About how many views there are, sync ones too."""
        return sum(len(_VIEW_LIKE.findall(self.code.text(file))) for file in self.code.files)

    @cached_property
    def async_views(self) -> tuple[View, ...]:
        """Functions that take a request, and handlers of view classes, when they are async."""
        return tuple(
            view for module in self.code.containing("async def ") if not _is_aside(module.file) for view in self._views(module)
        )

    def _views(self, module: Module) -> Iterator[View]:
        for name, function in module.functions.items():
            if not isinstance(function, ast.AsyncFunctionDef):
                continue
            owner, _, method = name.rpartition(".")
            if owner:
                bases = [module.dotted(base).rpartition(".")[2] for base in module.classes[owner].bases]
                if method in HTTP_METHODS and any(base.endswith(("View", "ViewSet", "Mixin")) for base in bases):
                    yield View(module, name, function, owner in self._routed)
            elif function.args.args and function.args.args[0].arg == "request":
                yield View(module, name, function, is_registered(function) or name in self._routed)


def _is_aside(file: str) -> bool:
    return bool(re.search(r"(^|/)(management/commands|middlewares?|scripts?|bin)(/|\.py$)", file))


def _settings_of(code: Code, files: list[str]) -> list[str]:
    found = (match.group(1) for file in files for match in _SETTINGS.finditer(code.text(file)))
    return list(dict.fromkeys(found))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
