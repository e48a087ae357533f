"""Nginx's log as the engine keeps it: each entry once, from a moment on, also where the engine has to be asked again."""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from targets.docker.follow import Followed, read
from tests.deployment import eventually

NOON = 1_795_262_400.0


def line(at: float, path: str = "/") -> bytes:
    """As Nginx writes it, in whole seconds, with the engine's own time before it."""
    moment = datetime.fromtimestamp(at, timezone.utc)
    told = {"time": moment.isoformat(timespec="seconds"), "method": "GET", "host": "x", "uri": path, "status": 500}
    text = json.dumps({**told, "request_time": 0.1, "upstream_status": "500"})
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z {text}\n".encode()


class Proxy:
    """A container whose engine has kept these lines, and tells them by whole seconds."""

    def __init__(self, *lines: bytes) -> None:
        self.lines = lines

    def logs(self, *, stream: bool = False, **_: Any) -> "bytes | Iterator[bytes]":
        whole = b"".join(self.lines)
        return iter([whole[:50], whole[50:]]) if stream else whole


def test_an_answer_in_the_second_of_the_moment_counts_if_it_came_after_it() -> None:
    proxy: Any = Proxy(line(NOON + 0.2, "/before/"), line(NOON + 0.7, "/after/"), b"2026-11-21T12:00:00Z no entry\n")
    assert [one.path for one in read(proxy, NOON + 0.5)] == ["/after/"]


def test_following_goes_on_behind_the_last_entry_after_the_engine_was_gone() -> None:
    kept = (line(NOON + 0.1, "/1/"), line(NOON + 0.2, "/2/"))
    proxy: Any = Proxy(*kept)
    first = Followed(proxy, NOON)
    eventually(lambda: first.ended, 10)
    assert [one.path for one in first.more()] == ["/1/", "/2/"]
    longer: Any = Proxy(*kept, line(NOON + 0.3, "/3/"))
    second = Followed(longer, first.last)
    eventually(lambda: second.ended, 10)
    assert [one.path for one in second.more()] == ["/3/"]


def test_an_entry_has_the_time_that_nginx_noted() -> None:
    proxy: Any = Proxy(line(time.time()))
    (found,) = read(proxy, 0)
    assert found.at == int(found.at)
