"""What changed between two configs, in words: which keys, never the values of env and secrets."""

from collections.abc import Collection, Mapping
from typing import Any

from settings.load import DEFAULTS
from settings.model import SERVERS
from targets.served import Served

_PINS = ("release", "rollback")
_TOLD_TOGETHER = ("interface", "server")


def in_words(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    served_before: Served | None = None,
    served_after: Served | None = None,
    secret: Collection[str] = (),
    hidden: Collection[str] = (),
) -> list[str]:
    """One part per thing that changed, the weightiest first. ``hidden`` keys cannot be compared."""
    parts = []
    before, after = with_defaults(before), with_defaults(after)
    was, now = _server(before), _server(after)
    if was != now:
        parts.append(f"switch {was} -> {now}")
    if served_before and served_after and served_before.release != served_after.release:
        parts.append(f"release {served_before.release} -> {served_after.release}")
    keys = sorted((before.keys() | after.keys()) - {*_PINS, *_TOLD_TOGETHER, *hidden})
    for key in keys:
        if before.get(key) != after.get(key):
            parts.append(_change(key, before.get(key), after.get(key), secret=key in secret))
    if served_before and served_after and served_before.proxy != served_after.proxy:
        parts.append("Nginx configuration")
    return parts


def with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config in texts, with what each key is that it has not got: a key that the project did not know then is no change."""
    return {key: _filled(config.get(key), DEFAULTS.get(key)) for key in (*DEFAULTS, *(config.keys() - DEFAULTS.keys()))}


def _filled(value: Any, default: Any = None) -> Any:
    value = default if value is None else value
    if isinstance(value, dict):
        known = default if isinstance(default, dict) else {}
        found = {name: _filled(value.get(name), known.get(name)) for name in (*known, *(value.keys() - known.keys()))}
        return {name: one for name, one in found.items() if one is not None}
    if isinstance(value, list):
        return [_filled(one) for one in value]
    return str(value).lower() if isinstance(value, bool) else value if value is None else str(value)


def _server(config: Mapping[str, Any]) -> str:
    interface = config.get("interface", "wsgi")
    return f"{interface} ({config.get('server') or SERVERS[interface][0]})" if interface in SERVERS else str(interface)


def _change(key: str, before: Any, after: Any, *, secret: bool) -> str:
    if isinstance(before or after, dict):
        inner = _names(before or {}, after or {})
        return f"{'secret' if key == 'secrets' else key} {', '.join(inner)}"
    if secret:
        return key
    return f"{key} {_text(before)} -> {_text(after)}"


def _names(before: Any, after: Any) -> list[str]:
    """``NAME`` changed, ``+NAME`` new, ``-NAME`` gone."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return []
    marks = {
        name: "+" if name not in before else "-" if name not in after else "" for name in sorted(before.keys() | after.keys())
    }
    return [f"{mark}{name}" for name, mark in marks.items() if before.get(name) != after.get(name)]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "default" if value is None else str(value)
