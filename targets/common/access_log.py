"""Nginx's access log as entries: JSON as today's template writes it, and the text form of before; and its file, read on.

The one reader of that log: the watch after a switch, status, metrics and report have their entries from here. Standard library
only: hosts have it too.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple

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
    host: str = ""
    """That was asked for."""


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
            str(told.get("host") or ""),
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
    host, _, path = found["uri"].partition("?")[0].partition("/")
    status, seconds, upstream = int(found["status"]), float(found["total"]), found["upstream"].strip() or "-"
    return Entry(at, found["method"], f"/{path}", status, seconds, upstream, _kind(status, seconds), host=host)


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
    """A log file that is read on from where it was left; the one that was rotated before it is read to its end first."""

    def __init__(self, path: Path, left: Mapping[str, int] | None = None) -> None:
        """``left``: where an earlier process left it, as ``end`` told."""
        self.path = path
        self._left: dict[int, int] = {left["file"]: left["offset"]} if left else {}
        """Inode -> how many bytes of it have been read."""

    def end(self) -> dict[str, int]:
        """Where the file ends now, for one that reads on later. A file that is not there yet has all to come."""
        try:
            found = self.path.stat()
        except OSError:
            return {"file": 0, "offset": 0}
        return {"file": found.st_ino, "offset": found.st_size}

    def since(self, moment: float) -> list[Entry]:
        """Entries from that moment on, from the file's tail and the one that was rotated before it; reading on begins here."""
        found: list[Entry] = []
        for path in (self.path, self._rotated):
            try:
                with path.open("rb") as log:
                    later, begin, self._left[os.fstat(log.fileno()).st_ino] = _tail(log, moment)
            except OSError:
                continue
            found = later + found
            if begin:
                break
        return found

    def more(self) -> list[Entry]:
        """Entries since the last time. Nginx writes to a rotated file until it is told of the new one: so that is read on too."""
        found: list[Entry] = []
        left: dict[int, int] = {}
        with contextlib.ExitStack() as open_files:
            files: dict[int, tuple[Path, IO[bytes]]] = {}
            for path in (self.path, self._rotated):  # in this order: a rotation meanwhile shows one twice, and hides none
                with contextlib.suppress(OSError):
                    log = open_files.enter_context(path.open("rb"))
                    files.setdefault(os.fstat(log.fileno()).st_ino, (path, log))
            for inode, (path, file) in reversed(files.items()):
                if path == self.path or inode in self._left:
                    later, left[inode] = _further(file, self._left.get(inode, 0))
                    found += later
        self._left = left or self._left
        return found

    @property
    def _rotated(self) -> Path:
        return self.path.with_name(f"{self.path.name}.1")


def _further(file: IO[bytes], left: int) -> tuple[list[Entry], int]:
    """Entries behind ``left``, and where they end: half a line is read again, once it is whole."""
    begin = left if left <= file.seek(0, os.SEEK_END) else 0  # somebody has emptied it
    file.seek(begin)
    text = file.read(TAIL_LIMIT)
    end = text.rfind(b"\n") + 1
    return list(entries(text[:end].decode(errors="replace"))), begin + end


def entries(text: str) -> Iterator[Entry]:
    """Every entry in a text."""
    for line in text.splitlines():
        found = parse(line)
        if found:
            yield found


def _tail(file: IO[bytes], moment: float) -> tuple[list[Entry], int, int]:
    """Entries from that moment on, and where they begin and end. 0 for a begin: then the file before it may have more of them."""
    begin = end = file.seek(0, os.SEEK_END)
    text = b""
    while begin > 0 and end - begin < TAIL_LIMIT:
        size = min(BLOCK, begin)
        begin -= size
        file.seek(begin)
        text = file.read(size) + text
        cut = text.find(b"\n") + 1 if begin else 0
        first = next(entries(text[cut : cut + 8192].decode(errors="replace")), None)
        if first and first.at < moment:
            break
    cut, whole = text.find(b"\n") + 1 if begin else 0, text.rfind(b"\n") + 1
    found = entries(text[cut:whole].decode(errors="replace"))
    return [one for one in found if one.at >= moment], begin, begin + whole
