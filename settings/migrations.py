"""The migrations of a source, read without running them: their names, and what they take away.

An approximation on purpose: a preview must be quick and must not run anybody's code. The update itself asks Django.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from settings.source import Source

_GONE = {
    "RemoveField": "removes field {name} of {model_name}",
    "DeleteModel": "deletes model {name}",
    "RenameField": "renames field {old_name} of {model_name} to {new_name}",
    "RenameModel": "renames model {old_name} to {new_name}",
    "AlterModelTable": "renames the table of {name}",
}
_ARGUMENTS = {
    "RemoveField": ("model_name", "name"),
    "DeleteModel": ("name",),
    "RenameField": ("model_name", "old_name", "new_name"),
    "RenameModel": ("old_name", "new_name"),
    "AlterModelTable": ("name", "table"),
}
_SQL = re.compile(r"\b(?:DROP\s+(?:TABLE|COLUMN)|RENAME\s+(?:TO|COLUMN))\s+[\w\".]*", re.IGNORECASE)


def names(source: Source) -> tuple[str, ...]:
    """``store.0001_initial``, ...: app label (by its folder) and name of every migration in the source."""
    paths = (PurePosixPath(path) for path in source.files)
    return tuple(f"{path.parts[-3]}.{path.stem}" for path in paths if _is_migration(path))


def _is_migration(path: PurePosixPath) -> bool:
    return path.suffix == ".py" and len(path.parts) >= 3 and path.parts[-2] == "migrations" and path.stem != "__init__"


def destructive(source: Source) -> dict[str, tuple[str, ...]]:
    """Migration -> what it takes from code that still serves, for those that take something."""
    found = {}
    for file in source.files:
        path = PurePosixPath(file)
        if _is_migration(path) and (lost := tuple(_losses(source.text(file) or ""))):
            found[f"{path.parts[-3]}.{path.stem}"] = lost
    return found


def _losses(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for call in _operations(tree):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        given = {key: value for key, value in zip(_ARGUMENTS.get(name, ()), map(_literal, call.args), strict=False) if value}
        given |= {keyword.arg: _literal(keyword.value) for keyword in call.keywords if keyword.arg and _literal(keyword.value)}
        if name in _GONE:
            yield _GONE[name].format_map(_Unknown(given))
        elif name == "RunSQL":
            yield from (" ".join(sql.split()) for sql in _SQL.findall(str(given.get("sql", "")) or _first(call)))


def _operations(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls in a list called ``operations``. What is in SeparateDatabaseAndState is done in steps, by somebody who knows."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        if any(getattr(target, "id", "") == "operations" for target in targets):
            value = getattr(node, "value", None)
            yield from (item for item in getattr(value, "elts", ()) if isinstance(item, ast.Call))


def _literal(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _first(call: ast.Call) -> str:
    return _literal(call.args[0]) if call.args else ""


class _Unknown(dict[str, str]):
    """A name that cannot be read from the text is ``?``."""

    def __missing__(self, key: str) -> str:
        return "?"


def warning(lost: Mapping[str, Collection[str]], serving: Collection[str]) -> str:
    """What the new migrations take from the release that serves, whose migrations are ``serving``; '' for nothing."""
    new = {name: losses for name, losses in lost.items() if name not in serving}
    if not new:
        return ""
    told = "; ".join(f"{name} {', '.join(losses)}" for name, losses in sorted(new.items()))
    return (
        f"destructive migration: {told}. The release that serves still uses that until the switch, and a rollback to it would "
        "need it: first deploy code that does without, then the migration"
    )
