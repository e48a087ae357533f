"""The stack's config file, brought back to an earlier state: only what differs is written, and a secret that is the same stays
the ciphertext that it is."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.config_file import path_of
from ops.engines import Engine
from settings.errors import NAMESPACE
from settings.rollback import CERTIFICATE, STAYS


@dataclass(frozen=True)
class Difference:
    """What has to be written so that one config becomes another. ``Path`` is a way into nested maps: ``("secrets", "TOKEN")``."""

    plain: Mapping[str, Any] = field(default_factory=dict)
    """Key -> its new value as a whole."""
    secrets: Mapping[tuple[str, ...], str] = field(default_factory=dict, repr=False)
    removed: tuple[tuple[str, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.plain or self.secrets or self.removed)


def restored(now: Mapping[str, Any], then: Mapping[str, Any], *, keep: Collection[str] = ()) -> dict[str, Any]:
    """The config of then, but for what stays, and for ``keep``."""
    staying = {*STAYS, *keep}
    back = {**{key: now[key] for key in now if key in staying}, **{key: then[key] for key in then if key not in staying}}
    today, earlier = now.get("tls"), back.get("tls")
    if isinstance(today, dict) and isinstance(earlier, dict) and today.get("mode") == earlier.get("mode") == "files":
        present = {key: value for key, value in today.items() if key in CERTIFICATE}  # the one of then may have expired
        back["tls"] = {**{key: value for key, value in earlier.items() if key not in CERTIFICATE}, **present}
    return back


def difference(now: Mapping[str, Any], wanted: Mapping[str, Any], secret: Collection[str]) -> Difference:
    """From ``now`` to ``wanted``; ``secret`` are the keys whose values are secrets."""
    plain: dict[str, Any] = {}
    secrets: dict[tuple[str, ...], str] = {}
    removed: list[tuple[str, ...]] = []
    for key in sorted(now.keys() | wanted.keys()):
        if key not in wanted:
            removed.append((key,))
        elif key not in secret:
            plain |= {key: wanted[key]} if now.get(key, ...) != wanted[key] else {}
        else:
            before, after = dict(_leaves(now.get(key), (key,))), dict(_leaves(wanted[key], (key,)))
            secrets |= {path: value for path, value in after.items() if before.get(path) != value}
            removed += [path for path in before if path not in after]
    return Difference(plain, secrets, tuple(removed))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif value is not None:
        yield path, value if isinstance(value, str) else json.dumps(value)


def write(stack: Engine, wanted: Difference) -> None:
    """Into the config file, whose comments stay."""
    if wanted:
        stack.rewrite_config(
            removed=[_path(path) for path in wanted.removed],
            values={f"{NAMESPACE}:{key}": value for key, value in wanted.plain.items()},
            secrets={_path(path): value for path, value in wanted.secrets.items()},
        )


def _path(path: tuple[str, ...]) -> str:
    """``gateway:secrets.TOKEN``; names with other characters in brackets."""
    inner = "".join(f".{name}" if re.fullmatch(r"[A-Za-z_]\w*", name) else f"[{json.dumps(name)}]" for name in path[1:])
    return f"{NAMESPACE}:{path[0]}{inner}"


def file_of(stack: Engine) -> Path:
    """``Pulumi.<stack>.yaml``."""
    return path_of(stack.workspace.root, stack.name)


def replace(path: Path, text: bytes) -> None:
    """The file with that content, whole at any moment."""
    beside = path.with_name(f".{path.name}.gateway")
    beside.write_bytes(text)
    beside.replace(path)
