"""Nginx's access log as the engine keeps it: read once, or followed while it grows."""

import contextlib
import re
import threading
from collections import deque
from collections.abc import Iterator
from datetime import datetime

from docker.errors import DockerException
from docker.models.containers import Container
from requests.exceptions import RequestException

from targets.common.access_log import Entry, parse

_STAMP = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z (.*)$")


def read(proxy: Container, since: float) -> list[Entry]:
    """Entries from that moment on."""
    text = proxy.logs(since=int(since), timestamps=True).decode(errors="replace")
    return [one for line in text.splitlines() for at, one in stamped(line) if at >= since]


def stamped(line: str) -> Iterator[tuple[float, Entry]]:
    """The entry in a line, if it has one, with the engine's own time that stands before it: Nginx notes whole seconds only."""
    found = _STAMP.match(line)
    if found:
        at = datetime.fromisoformat(f"{found[1]}+00:00").timestamp() + float(found[2] or 0)
        one = parse(found[3], at)
        if one:
            yield at, one


class Followed:
    """Entries as they come, collected by a thread of their own."""

    def __init__(self, proxy: Container, since: float) -> None:
        self.last = since
        """When the engine got the last entry: a further ``Followed`` begins there."""
        self.ended = False
        """Whether Nginx's container has stopped, or the engine: then nothing more will come."""
        self._found: deque[Entry] = deque()
        self._lines = self._follow(proxy, since)
        threading.Thread(target=self._collect, daemon=True).start()

    def more(self) -> list[Entry]:
        """Entries since the last time."""
        found = []
        with contextlib.suppress(IndexError):
            while True:
                found.append(self._found.popleft())
        return found

    def _collect(self) -> None:
        with contextlib.suppress(DockerException, RequestException, OSError):
            for line in self._lines:
                for at, one in stamped(line):
                    if at > self.last:
                        self.last = at
                        self._found.append(one)
        self.ended = True

    @staticmethod
    def _follow(proxy: Container, since: float) -> Iterator[str]:
        left = b""
        for chunk in proxy.logs(stream=True, follow=True, since=int(since), timestamps=True):
            *lines, left = (left + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
