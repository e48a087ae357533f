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
    return [one for line in text.splitlines() if (one := entry(line)) and one.at >= since]


def entry(line: str) -> Entry | None:
    """The entry in a line that the engine has put its own time before: that counts where the line itself has none."""
    found = _STAMP.match(line)
    if not found:
        return None
    at = datetime.fromisoformat(f"{found[1]}+00:00").timestamp() + float(found[2] or 0)
    return parse(found[3], at)


class Followed:
    """Entries as they come, collected by a thread of their own."""

    def __init__(self, proxy: Container, since: float) -> None:
        self.last = since
        """The time of the last entry."""
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
                one = entry(line)
                if one and one.at > self.last:
                    self._found.append(one)
        if self._found:
            self.last = self._found[-1].at
        self.ended = True

    @staticmethod
    def _follow(proxy: Container, since: float) -> Iterator[str]:
        left = b""
        for chunk in proxy.logs(stream=True, follow=True, since=int(since), timestamps=True):
            *lines, left = (left + chunk).split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)
