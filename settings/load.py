"""Raw stack config (text and JSON text, as Pulumi hands it over) -> ``Settings``, or every mistake in words."""

import difflib
import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from settings.checks import mistakes
from settings.errors import NAMESPACE, ConfigError, ConfigErrors
from settings.model import Settings

SECRET_KEYS = ("secrets",)
HOST_KEYS_SHOWN = ("address", "port", "user", "keyFile", "hostKey")
"""Of a host; anything else there might hold its login key."""
_SCHEMAS = Settings.model_json_schema()["properties"]
STRUCTURED = frozenset(name for name, schema in _SCHEMAS.items() if schema.get("type") in ("object", "array") or "$ref" in schema)
"""Keys whose value is a map or a list; Pulumi hands them over as JSON text."""

UNSET = {
    name: "0" if any(kind.get("type") == "integer" for kind in schema["anyOf"]) else ""
    for name, schema in _SCHEMAS.items()
    if schema.get("default", ...) is None
}
"""Optional keys -> what stands for "not set" in Pulumi.yaml, where Pulumi wants a default for every key (pulumi/pulumi#21797)."""

DEFAULTS = {name: schema["default"] for name, schema in _SCHEMAS.items() if schema.get("default") is not None}
"""The other optional keys -> what they are without being set, as in Pulumi.yaml."""


def load(config: Mapping[str, Any], stack: str, encrypted: Collection[str] | None = None) -> Settings:
    """Settings from ``{"gateway:app": '{"name": "shop"}', ...}``; keys of other namespaces are passed over.

    ``stack`` is the stack's name: ``dev`` is allowed what a public site is not (DEBUG). ``encrypted`` are the keys that Pulumi
    keeps as secrets; None when nobody knows. Raises ``ConfigErrors``.
    """
    prefix = f"{NAMESPACE}:"
    raw = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    if encrypted is not None and raw.get("secrets") not in (None, "{}", {}) and f"{prefix}secrets" not in encrypted:
        takes = "encrypted values: pulumi config set --secret --path gateway:secrets.NAME"
        raise ConfigErrors([ConfigError("secrets", "values in plain text", takes)])
    if encrypted is not None and "privateKey" in str(raw.get("hosts", "")) and f"{prefix}hosts" not in encrypted:
        takes = "an encrypted value: pulumi config set --secret --path 'gateway:hosts[0].privateKey' < KEY_FILE"
        raise ConfigErrors([ConfigError("hosts[0].privateKey", "a key in plain text", takes)])
    if encrypted is not None and _has_key(raw.get("tls")) and f"{prefix}tls" not in encrypted:
        takes = "an encrypted value: pulumi config set --secret --path gateway:tls.key < KEY_FILE"
        raise ConfigErrors([ConfigError("tls.key", "a key in plain text", takes)])
    given = {key: value for key, value in raw.items() if UNSET.get(key) != str(value)}
    values = {key: _parse(value) if key in STRUCTURED else value for key, value in given.items()}
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        details = error.errors()
        # pydantic reports a list of which one item is wrong as wrong itself: the item says enough.
        inner = [d for d in details if not any(o["loc"][: len(d["loc"])] == d["loc"] != o["loc"] for o in details)]
        raise ConfigErrors([_in_words(detail) for detail in inner]) from None
    found = mistakes(settings, stack)
    if found:
        raise ConfigErrors(found)
    return settings


def _has_key(tls: Any) -> bool:
    told = _parse(tls)
    return isinstance(told, dict) and bool(told.get("key"))


def _parse(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError:
        return value


def _in_words(detail: ErrorDetails) -> ConfigError:
    """pydantic's finding as key, got, takes; a secret's value is never repeated."""
    loc = [str(part) for part in detail["loc"] if part != "[key]"]
    key = re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", ".".join(loc))
    if loc[0] in SECRET_KEYS and len(loc) > 1:
        return ConfigError(key, "a value or name that no environment variable can have", "text under a name of A-Z, 0-9 and '_'")
    if detail["type"] == "missing":
        return ConfigError(key, "nothing", _describe(loc))
    if detail["type"] == "extra_forbidden" and key == loc[0] and key.partition(".")[0] in STRUCTURED:
        return ConfigError(key, "a key with a dot", f"a path: pulumi config set --path {NAMESPACE}:{key}")
    if detail["type"] == "extra_forbidden":
        known = _known_keys(loc[:-1])
        near = difflib.get_close_matches(loc[-1], known, n=1)
        hint = f"an unknown key (did you mean {near[0]}?)" if near else "an unknown key"
        return ConfigError(key, hint, "one of " + ", ".join(known))
    hidden = (
        loc[0] in SECRET_KEYS
        or loc in (["tls"], ["tls", "key"])
        or (loc[0] == "hosts" and not (len(loc) > 2 and loc[-1] in HOST_KEYS_SHOWN))
    )
    text = "text that is not a JSON object or list" if loc[0] in SECRET_KEYS else "a value that does not fit"
    shown = text if hidden else repr(detail["input"])
    return ConfigError(key, shown, _describe(loc))


def _known_keys(path: list[str]) -> list[str]:
    model = _model_at(path)
    return sorted(field.alias or name for name, field in model.model_fields.items()) if model else []


def _model_at(path: list[str]) -> type[BaseModel] | None:
    model: type[BaseModel] = Settings
    for part in path:
        if part.isdigit():
            continue
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        inner = field.annotation if field else None
        candidates = [inner, *getattr(inner, "__args__", ())]
        found = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
        if found is None:
            return None
        model = found
    return model


def _describe(loc: list[str]) -> str:
    """The description of the deepest field on the path: what the key takes."""
    for depth in range(len(loc), 0, -1):
        model = _model_at(loc[: depth - 1])
        for name, field in model.model_fields.items() if model else ():
            if loc[depth - 1] in (name, field.alias):
                return field.description or str(field.annotation)
    return "another value"
