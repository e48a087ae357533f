"""Stack config without the CLI: ``Pulumi.yaml`` with types and defaults, ``Pulumi.<stack>.yaml`` with values and secrets."""

import io
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML

from embedded.backend import write
from embedded.errors import EngineError
from embedded.passphrase import PassphraseCrypter

Value = Any
"""What YAML has; a secret is a map with the one key ``secure``."""


@dataclass(frozen=True)
class Project:
    """``Pulumi.yaml``."""

    root: Path
    name: str
    schema: Mapping[str, Mapping[str, Any]]
    """Full key -> type, items, default."""

    @staticmethod
    def load(root: Path) -> "Project":
        found = read(root / "Pulumi.yaml")
        schema = {_full(found["name"], key): dict(rule) for key, rule in (found.get("config") or {}).items()}
        return Project(root, str(found["name"]), schema)


class StackConfig:
    """``Pulumi.<stack>.yaml``: read at once, written whole or not at all, comments kept."""

    def __init__(self, project: Project, stack: str) -> None:
        self.project, self.stack = project, stack
        self.path = project.root / f"Pulumi.{stack}.yaml"
        self._waiting = False
        self._document: Any = read(self.path) if self.path.exists() else {}
        self._values: Any = self._document.get("config") or {}

    def crypter(self, passphrase: str) -> PassphraseCrypter:
        """For the stack's secrets; a stack without a salt gets one. Raises ``WrongPassphrase``."""
        salt = self._document.get("encryptionsalt", "")
        crypter = PassphraseCrypter(passphrase, salt)
        if not salt:
            self._document["encryptionsalt"] = crypter.state
            self._save()
        return crypter

    def effective(self) -> dict[str, Value]:
        """Every key with a value, defaults of the project included; secrets encrypted."""
        mine = {_full(self.project.name, key): value for key, value in self._values.items()}
        defaults = {key: rule["default"] for key, rule in self.project.schema.items() if "default" in rule}
        return {**{key: value for key, value in defaults.items() if key not in mine}, **mine}

    def check(self) -> None:
        """Raises ``EngineError`` for a value of another type than ``Pulumi.yaml`` says, or for one that is missing."""
        values = self.effective()
        for key, rule in self.project.schema.items():
            if key not in values:
                raise EngineError(f"Stack '{self.stack}' is missing configuration value '{key}'")
            if not _fits(values[key], rule):
                raise EngineError(f"Stack '{self.stack}' with configuration key '{key}' must be of type '{rule['type']}'")

    def set(self, key: str, value: str, *, path: bool = False, crypter: PassphraseCrypter | None = None) -> None:
        """Write one value, encrypted with ``crypter``; with ``path`` the key may lead into a map or a list."""
        stored: Value = {"secure": crypter.encrypt(value)} if crypter else value
        parts = _path(key) if path else [key]
        at = self._values
        for part, following in itertools.pairwise(parts):
            at = _enter(at, part, [] if isinstance(following, int) else {}, key)
        _put(at, parts[-1], stored, key)
        self._document["config"] = self._values
        self._save()

    def put(self, key: str, value: Value) -> None:
        """Write one value as it is."""
        self._values[key] = value
        self._document["config"] = self._values
        self._save()

    def remove(self, path: str) -> None:
        """Take a key, or what a path into maps leads to, away; one that is not there is fine."""
        *way, last = _path(path)
        at = self._values
        for part in way:
            at = at.get(part, {}) if isinstance(at, dict) else {}
        if isinstance(at, dict):
            at.pop(last, None)
        self._document["config"] = self._values
        self._save()

    def recover(self, values: Mapping[str, Value], salt: str) -> None:
        """Write all values and the salt that their secrets were encrypted with."""
        self._document = {**({"encryptionsalt": salt} if salt else {}), "config": dict(values)}
        self._values = self._document["config"]
        self._save()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """What is changed meanwhile is written together, at the end."""
        self._waiting = True
        yield
        self._waiting = False
        self._save()

    def _save(self) -> None:
        """Into the file as it is, so that its comments stay."""
        if self._waiting:
            return
        kept = _round_trip().load(self.path.read_text()) if self.path.exists() else {}
        text = io.StringIO()
        _round_trip().dump(_merged(kept or {}, self._document), text)
        write(self.path, text.getvalue())


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as the CLI reads it: only true and false are truth values, ``off`` is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:bool"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def read(path: Path) -> dict[str, Any]:
    """A YAML file; raises ``EngineError`` for one that is none."""
    try:
        found = yaml.load(path.read_text(), _Loader)
    except yaml.YAMLError as error:
        raise EngineError(f"{path.name} is no YAML: {' '.join(str(error).split())}") from None
    return found or {}


def _merged(kept: Any, wanted: Any) -> Any:
    """``wanted`` written into ``kept``, which has the comments."""
    if not (isinstance(kept, dict) and isinstance(wanted, dict)):
        return wanted
    for key in [key for key in kept if key not in wanted]:
        del kept[key]
    for key, value in wanted.items():
        kept[key] = _merged(kept[key], value) if key in kept else value
    return kept


def decrypted(value: Value, crypter: PassphraseCrypter) -> Value:
    """With every secret in the clear."""
    if is_secure(value):
        return crypter.decrypt(value["secure"])
    if isinstance(value, dict):
        return {key: decrypted(part, crypter) for key, part in value.items()}
    return [decrypted(part, crypter) for part in value] if isinstance(value, list) else value


def has_secret(value: Value) -> bool:
    """Whether any part of it is encrypted."""
    if isinstance(value, dict):
        return is_secure(value) or any(map(has_secret, value.values()))
    return isinstance(value, list) and any(map(has_secret, value))


def is_secure(value: Value) -> bool:
    return isinstance(value, dict) and list(value) == ["secure"]


def as_text(value: Value) -> str:
    """As a program gets it: maps and lists as JSON, the rest as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _fits(value: Value, rule: Mapping[str, Any]) -> bool:
    kind = rule.get("type")
    if is_secure(value):
        return kind in ("string", None)
    if kind == "array":
        items = rule.get("items", {})
        return isinstance(value, list) and all(_fits(part, items) for part in value)
    if kind == "integer":
        return not isinstance(value, bool) and bool(re.fullmatch(r"-?\d+", str(value)))
    if kind == "boolean":
        return isinstance(value, bool) or value in ("true", "false")
    return isinstance(value, dict) if kind == "object" else not isinstance(value, dict | list) or kind is None


def _path(text: str) -> list[str | int]:
    """``ns:hosts[0].key`` -> ``ns:hosts``, ``0``, ``key``."""
    parts: list[str | int] = []
    for name, number, quoted in re.findall(r'([^.\[\]"]+)|\[(\d+)\]|\["([^"]*)"\]', text):
        parts.append(int(number) if number else name or quoted)
    if not parts or isinstance(parts[0], int):
        raise EngineError(f"'{text}' is no path to a config value")
    return parts


def _enter(at: Any, part: str | int, new: Any, key: str) -> Any:
    present = isinstance(part, str) and isinstance(at, dict) and part in at
    present = present or (isinstance(part, int) and isinstance(at, list) and part < len(at))
    if not present:
        _put(at, part, new, key)
    return at[part]


def _put(at: Any, part: str | int, value: Any, key: str) -> None:
    if isinstance(part, int) and isinstance(at, list) and part <= len(at):
        at[part : part + 1] = [value]
    elif isinstance(part, str) and isinstance(at, dict):
        at[part] = value
    else:
        raise EngineError(f"'{key}' does not lead to a config value: there is something else on the way")


def _full(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _round_trip() -> YAML:
    found = YAML()
    found.width, found.preserve_quotes = 4096, True
    found.indent(mapping=2, sequence=4, offset=2)
    return found
