"""Nginx's access log as entries: JSON as today's template writes it, and the text form of before. Standard library only."""

import json
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

BLOCK = 1 << 18
STREAM_SECONDS = 60.0
"""Nginx waits no longer for a page; an event stream may go on."""
TAIL_LIMIT = 64 << 20
"""Bytes of log that are read at most: a busy site tells less time and not less truth."""

_TEXT = re.compile(
    r'^\S+ "(?P<method>\S+) (?P<uri>\S+)" (?P<status>\d{3}) (?P<bytes>\d+) upstream=(?P<upstream>.*?) total=(?P<total>[\d.]+) '
)
_ID = re.compile(r"^(\d+|\d{4}-\d\d-\d\d|(?=.*\d)[0-9a-fA-F]{8,}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$")
LONG = 24
"""A segment of at least so many characters with a digit in it is a token, and no name of a page."""
DEEP = 6


class Entry(NamedTuple):
    """One answered request."""

    at: float
    """When the answer ended, seconds since 1970."""
    method: str
    path: str
    """Without the query."""
    status: int
    seconds: float
    """From the first byte of the request to the last of the answer."""
    upstream: str
    """Statuses of the app server, '-' where it was not asked; in the old text form its seconds."""
    kind: str = "http"
    """``stream`` for what was upgraded, or took longer than any page may: its time is no latency."""
    instance: str = ""
    """That answered, '' where nobody noted it."""


def parse(line: str, at: float = 0.0) -> Entry | None:
    """The entry in a line, None for any other line. ``at`` is used where the line itself does not tell when."""
    return _from_json(line, at) if line.startswith("{") else _from_text(line, at)


def _from_json(line: str, at: float) -> Entry | None:
    try:
        told = json.loads(line)
        status = int(told["status"])
        return Entry(
            _moment(told.get("time"), at),
            str(told["method"]),
            str(told["uri"]).partition("?")[0],
            status,
            float(told["request_time"]),
            str(told.get("upstream_status") or "-"),
            _kind(status, float(told["request_time"])),
            str(told.get("instance") or ""),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _moment(told: object, at: float) -> float:
    if isinstance(told, int | float):
        return float(told)
    text = str(told or "")
    if not text:
        return at
    return float(text) if text.replace(".", "", 1).isdigit() else datetime.fromisoformat(text).timestamp()


def _from_text(line: str, at: float) -> Entry | None:
    found = _TEXT.match(line)
    if not found:
        return None
    path = "/" + found["uri"].partition("?")[0].partition("/")[2]  # the host's name comes before it
    status, seconds = int(found["status"]), float(found["total"])
    return Entry(at, found["method"], path, status, seconds, found["upstream"].strip() or "-", _kind(status, seconds))


def _kind(status: int, seconds: float) -> str:
    return "stream" if status == 101 or seconds > STREAM_SECONDS else "http"


def endpoint(path: str) -> str:
    """The page that a path is of: ids, dates and tokens in it are folded, ``/item/123/`` -> ``/item/*/``."""
    if path.startswith("/media/"):
        return "/media/*"
    parts = path.split("/")
    folded = [_folded(part) for part in parts[: DEEP + 1]]
    return "/".join(folded) + ("/..." if len(parts) > DEEP + 1 else "")


def _folded(part: str) -> str:
    if not part or part.isalpha():
        return part if len(part) < 2 * LONG else "*"
    return "*" if _ID.match(part) or (len(part) >= LONG and any(c.isdigit() for c in part)) else part


class Log:
    """A log file that is read on from where it was left; a rotated one is read to its end first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._inode = 0
        self._offset = 0

    def since(self, moment: float) -> list[Entry]:
        """Entries from that moment on, from the file's tail and the one that was rotated before it; reading on begins here."""
        found: list[Entry] = []
        for path in (self.path, self.path.with_name(f"{self.path.name}.1")):
            try:
                entries, whole = _tail(path, moment)
            except OSError:
                continue
            if path == self.path:
                state = path.stat()
                self._inode, self._offset = state.st_ino, state.st_size
            found = entries + found
            if not whole:
                break
        return found

    def more(self) -> list[Entry]:
        """Entries since the last time."""
        found: list[Entry] = []
        try:
            if self._inode and self.path.stat().st_ino != self._inode:
                found = self._read(self.path.with_name(f"{self.path.name}.1"))
                self._inode, self._offset = self.path.stat().st_ino, 0
            self._inode = self._inode or self.path.stat().st_ino
            if self.path.stat().st_size < self._offset:
                self._offset = 0
            found += self._read(self.path)
        except OSError:
            pass
        return found

    def _read(self, path: Path) -> list[Entry]:
        if path.stat().st_ino != self._inode:
            return []
        with path.open("rb") as file:
            file.seek(self._offset)
            text = file.read(TAIL_LIMIT)
        end = text.rfind(b"\n") + 1  # half a line is read again, once it is whole
        self._offset += end
        return list(entries(text[:end].decode(errors="replace")))


def entries(text: str) -> Iterator[Entry]:
    """Every entry in a text."""
    for line in text.splitlines():
        found = parse(line)
        if found:
            yield found


def _tail(path: Path, moment: float) -> tuple[list[Entry], bool]:
    """Entries from that moment on, and whether all of the file is of that time: then the one before it may be too."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        begin, text = end, b""
        while begin > 0 and end - begin < TAIL_LIMIT:
            size = min(BLOCK, begin)
            begin -= size
            file.seek(begin)
            text = file.read(size) + text
            cut = text.find(b"\n") + 1 if begin else 0
            first = next(entries(text[cut : cut + 8192].decode(errors="replace")), None)
            if first and first.at < moment:
                break
        cut = text.find(b"\n") + 1 if begin else 0
        return [one for one in entries(text[cut:].decode(errors="replace")) if one.at >= moment], begin == 0
