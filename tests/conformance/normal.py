"""What is compared: operations in their order, and the state without ids and times."""

import json
from collections.abc import Mapping
from typing import Any

from embedded.passphrase import PassphraseCrypter
from embedded.values import SIGNATURE

PASSPHRASE = "conformance"
DROPPED = ("created", "modified", "sourcePosition", "stackTrace", "id")


def short(urn: str) -> str:
    """Type and name."""
    return "::".join(urn.split("::")[2:])


def ordered(told: dict[str, Any], wanted: bool) -> dict[str, Any]:
    """A round; sorted where its order means nothing. What a destroy leaves alone is no step."""
    told = {**told, "steps": [step for step in told["steps"] if step[0] != "same" or "destroy" not in told["kind"]]}
    return told if wanted else {**told, "steps": sorted(told["steps"]), "ran": sorted(told["ran"])}


def state(deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Resources by name; secrets in the clear and marked."""
    found = []
    for resource in deployment.get("resources", []):
        if resource["type"].startswith("pulumi:providers:"):
            continue
        kept = {key: _value(value, resource) for key, value in resource.items() if key not in DROPPED}
        kept |= {key: sorted(kept[key]) for key in ("dependencies",) if key in kept}
        properties = kept.get("propertyDependencies", {})
        kept |= {"propertyDependencies": {key: sorted(urns) for key, urns in properties.items()}} if properties else {}
        if "provider" in kept:
            kept["provider"] = kept["provider"].rpartition("::")[0]
        found.append(kept)
    found.sort(key=lambda kept: (kept["urn"], bool(kept.get("delete"))))
    pending = [[one["type"], short(one["resource"]["urn"])] for one in deployment.get("pending_operations") or []]
    return [*found, *({"pending": one} for one in pending)]


def reveal(deployment: Mapping[str, Any]) -> Any:
    """The deployment with each secret as ``{"secret": ...}``."""
    salt = (deployment.get("secrets_providers") or {}).get("state", {}).get("salt")
    crypter = PassphraseCrypter(PASSPHRASE, salt) if salt else None

    def open_(value: Any) -> Any:
        if isinstance(value, Mapping):
            if SIGNATURE in value and "ciphertext" in value:
                assert crypter is not None
                return {"secret": json.loads(crypter.decrypt(value["ciphertext"]))}
            return {key: open_(part) for key, part in value.items()}
        return [open_(part) for part in value] if isinstance(value, list) else value

    return open_(deployment)


def _value(value: Any, resource: Mapping[str, Any]) -> Any:
    """Ids are random: one that an output or an input repeats is named."""
    if isinstance(value, str) and len(value) > 8 and all(c in "0123456789abcdef" for c in value[-8:]):
        return value[:-8] + "<id>"
    if isinstance(value, Mapping):
        return {key: _value(part, resource) for key, part in value.items()}
    return [_value(part, resource) for part in value] if isinstance(value, list) else value
