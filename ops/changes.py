"""What changed between two configs, in words: which keys, never the values of env and secrets."""

from collections.abc import Collection, Mapping
from typing import Any

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
