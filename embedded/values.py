"""Property values: as the SDK sends them (protobuf), as the engine holds them, and as a checkpoint stores them.

In the engine a value is what JSON has, or a ``Secret`` around one, or ``UNKNOWN`` in a preview. An asset stays the map with a
signature that it is on the wire.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from google.protobuf import json_format, struct_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class _Unknown:
    """What a preview cannot know yet; equal to nothing, not even to itself."""

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that is encrypted wherever it is stored."""

    value: Any
    ciphertext: str = field(default="", compare=False, repr=False)
    """What the state has for it: the same secret is not encrypted anew at each update."""

    def __repr__(self) -> str:
        return "[secret]"


class Crypter(Protocol):
    """Encrypts and decrypts one text."""

    def encrypt(self, plain: str) -> str: ...

    def decrypt(self, encrypted: str) -> str: ...


def walk(value: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of ``value`` with each scalar, Secret and UNKNOWN put through ``change``."""
    if isinstance(value, Mapping):
        return {key: walk(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [walk(part, change) for part in value]
    return change(value)


def plain(value: Any) -> Any:
    """Without the marks of secrets: for drivers and comparisons."""
    return walk(value, lambda part: plain(part.value) if isinstance(part, Secret) else part)


def has_unknown(value: Any) -> bool:
    """Whether a preview cannot tell all of it."""
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, Mapping):
        return any(map(has_unknown, value.values()))
    return any(map(has_unknown, value)) if isinstance(value, list) else value is UNKNOWN


def is_secret(value: Any) -> bool:
    """Whether any part of it is a secret."""
    if isinstance(value, Mapping):
        return any(map(is_secret, value.values()))
    return any(map(is_secret, value)) if isinstance(value, list) else isinstance(value, Secret)


def from_wire(message: struct_pb2.Struct) -> dict[str, Any]:
    """What the SDK sent."""
    found: dict[str, Any] = _from_wire(json_format.MessageToDict(message))
    return found


def _from_wire(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return Secret(_from_wire(value["value"]))
        return {key: _from_wire(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_from_wire(part) for part in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if value == UNKNOWN_TEXT else value


def to_wire(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """What the SDK gets back."""
    message = struct_pb2.Struct()
    json_format.ParseDict(_to_wire(values), message)
    return message


def _to_wire(value: Any) -> Any:
    def mark(part: Any) -> Any:
        if isinstance(part, Secret):
            return {SIGNATURE: SECRET, "value": _to_wire(part.value)}
        return UNKNOWN_TEXT if part is UNKNOWN else part

    return walk(value, mark)


def from_state(value: Any, crypter: Crypter) -> Any:
    """What a checkpoint has."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return Secret(from_state(json.loads(crypter.decrypt(value["ciphertext"])), crypter), value["ciphertext"])
        return {key: from_state(part, crypter) for key, part in value.items()}
    return [from_state(part, crypter) for part in value] if isinstance(value, list) else value


def to_state(value: Any, crypter: Crypter) -> Any:
    """What a checkpoint stores."""

    def mark(part: Any) -> Any:
        if isinstance(part, Secret):
            text = json.dumps(plain(part.value), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            return {SIGNATURE: SECRET, "ciphertext": part.ciphertext or crypter.encrypt(text)}
        return None if part is UNKNOWN else part

    return walk(value, mark)


def keep_ciphertexts(new: Any, old: Any) -> Any:
    """``new``, where each secret that ``old`` has too carries its ciphertext."""
    if isinstance(new, Mapping):
        return {key: keep_ciphertexts(part, old.get(key) if isinstance(old, Mapping) else None) for key, part in new.items()}
    if isinstance(new, list):
        same = isinstance(old, list) and len(old) == len(new)
        return [keep_ciphertexts(part, old[number] if same else None) for number, part in enumerate(new)]
    return old if isinstance(new, Secret) and isinstance(old, Secret) and plain(new) == plain(old) else new
