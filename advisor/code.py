"""The project's Python files as syntax trees, read without running them and only where something of interest is in them."""

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from advisor.evidence import Unread
from advisor.module import Module

LARGEST = 1_000_000
"""Bytes. No person wrote a file that is larger; tables and generated code say nothing about the interface."""

ASIDE = re.compile(
    r"(^|/)(\w*tests?|tests?_\w+|testing|migrations|node_modules|site-packages|docs?|static|staticfiles|fixtures|\.[^/]+)/"
    r"|(^|/)(test_[^/]*|[^/]*_tests?|tests|conftest|setup|noxfile|fabfile)\.py$"
)
"""Files that do not answer requests."""


class Code:
    """All Python files of a project, parsed when asked for."""

    def __init__(self, root: Path, files: Iterable[str]) -> None:
        self.root = root
        self.files = tuple(name for name in files if name.endswith(".py") and not ASIDE.search(name))
        self.unread: dict[str, Unread] = {}
        self._texts: dict[str, str] = {}
        self._modules: dict[str, Module | None] = {}
        self._by_name: dict[str, list[str]] = {}
        for file in self.files:
            parts = _dotted(file).split(".")
            for start in range(len(parts)):
                self._by_name.setdefault(".".join(parts[start:]), []).append(file)

    def text(self, file: str) -> str:
        """Content of a file, '' where there is none or it is too large."""
        if file not in self._texts:
            path = self.root / file
            try:
                size = path.stat().st_size
                self._texts[file] = "" if size > LARGEST else path.read_text(encoding="utf-8-sig", errors="replace")
            except OSError as error:
                size, self._texts[file] = 0, ""
                self.unread[file] = Unread(file, 0, error.strerror or "cannot be read")
            if size > LARGEST:
                self.unread[file] = Unread(file, 0, f"larger than {LARGEST // 1000} kB: left out")
        return self._texts[file]

    def module(self, file: str) -> Module | None:
        """The parsed file, None where it is no Python that this interpreter reads."""
        if file not in self._modules:
            self._modules[file] = self._parse(file)
        return self._modules[file]

    def _parse(self, file: str) -> Module | None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return Module(file, _dotted(file), ast.parse(self.text(file)))
        except SyntaxError as error:
            self.unread[file] = Unread(file, error.lineno or 0, f"not Python 3 that can be read here ({error.msg})")
        except (ValueError, RecursionError, MemoryError) as error:
            self.unread[file] = Unread(file, 0, f"cannot be parsed ({type(error).__name__})")
        return None

    def containing(self, *words: str) -> Iterator[Module]:
        """Parsed files whose text has one of the words: plain words, since they are looked for in every file."""
        for file in self.files:
            text = self.text(file)
            if any(word in text for word in words) and (module := self.module(file)):
                yield module

    def named(self, name: str) -> Module | None:
        """The module of this dotted name, from the root or from any folder that may be on the path."""
        found = self._by_name.get(name, [])
        if not found:
            return None
        return self.module(min(found, key=lambda file: (file.count("/"), file)))

    def find(self, dotted: str, hops: int = 4) -> tuple[Module, str] | None:
        """Module and name in it (``function`` or ``Class.method``) that a dotted path leads to, followed through re-exports."""
        parts = dotted.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            module = self.named(".".join(parts[:cut]))
            if module is None:
                continue
            name = ".".join(parts[cut:])
            if name in module.functions or name in module.classes:
                return module, name
            onward = (
                [module.imports[parts[cut]]]
                if parts[cut] in module.imports
                else [f"{star}.{parts[cut]}" for star in module.stars]
            )
            paths = (".".join([path, *parts[cut + 1 :]]) for path in onward)
            return next((found for path in paths if hops and (found := self.find(path, hops - 1))), None)
        return None


def _dotted(file: str) -> str:
    path = PurePosixPath(file)
    return ".".join(path.parent.parts if path.name == "__init__.py" else path.with_suffix("").parts)
