"""What has served, newest first: kept in the state beside what serves now, so that any clone and any backend can tell.

Pulumi's own history has the config of every update, but not which release the source was at that time: this has.
"""

import getpass
import json
import socket
from datetime import datetime, timezone

from targets.serving import Serving

KEPT = 50
"""Entries. Each is about 200 bytes; what a Command prints must stay far below 128 KiB."""


class Served(Serving):
    """What served from ``at`` on, until the next entry."""

    at: str
    """UTC, ISO 8601 with milliseconds."""
    by: str = ""
    """``user@host`` that ran the update."""
    source: str = ""
    """First 10 hex digits of the digest of the files that it was built from; '' for a kept release or a ready image."""
    proxy: str = ""
    """10 hex digits of the proxy's whole configuration."""
    rendered_from: str = ""
    """10 hex digits of what that was rendered from; '' for a kept one."""
    back: bool = False
    """Whether a rollback made it serve again."""


def entry(serving: Serving, **more: str | bool) -> Served:
    """An entry of now; ``more`` are further fields of ``Served``."""
    at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    told = serving.model_dump(include=set(Serving.model_fields))
    return Served.model_validate({**told, "at": at, "by": who(), **more})


def who() -> str:
    """``user@host`` of this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user id without a name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def before(printed: str) -> tuple[Served, ...]:
    """The entries in what the last switch printed; none where it printed nothing, or not in this form."""
    try:
        return tuple(Served(**one) for one in json.loads(printed)["served"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return ()


def add(past: tuple[Served, ...], now: Served) -> tuple[Served, ...]:
    """``now`` first. The same again (a repair, a moved folder) is no new entry."""
    if past and _same(past[0], now):
        return past
    return (now, *past)[:KEPT]


def _same(one: Served, other: Served) -> bool:
    return (one.instance, one.proxy) == (other.instance, other.proxy)


def rollback_point(served: tuple[Served, ...]) -> Serving | None:
    """The instance to go back to from the first entry: what served before it.

    Where the first entry is itself a way back, what counts is what served before it did for the first time: two rollbacks in a
    row go back two steps, and not to and fro.
    """
    if not served:
        return None
    now, rest = served[0], served[1:]
    while now.back and any(_same(one, now) for one in rest):
        at = next(index for index, one in enumerate(rest) if _same(one, now))
        now, rest = rest[at], rest[at + 1 :]
    found = next((one for one in rest if one.instance != served[0].instance), None)
    return Serving(**found.model_dump()) if found else None
