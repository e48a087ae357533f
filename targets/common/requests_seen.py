"""What was asked and answered in the last minutes: rates, latencies and errors, by endpoint. Standard library only.

Counted as entries come and go, so that a look that is repeated every two seconds costs next to nothing however busy the site is.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Any

from targets.common.access_log import Entry, endpoint

WINDOW_SECONDS = 300.0
MINUTE = 60.0
ENTRIES = 200_000
"""So many are kept at most: a very busy site tells of less time."""
SHOWN = 30
"""Endpoints that have a row of their own; the others are counted together."""
OTHER = "(other)"
NOT_FOUND = "(not found)"
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

_Kept = tuple[float, str, int, int]
"""When, endpoint, status, and milliseconds; -1 for what has no latency."""


class _Row:
    """Figures of some entries."""

    __slots__ = ("count", "errors", "refused", "times", "unknown")

    def __init__(self) -> None:
        self.count = self.errors = self.refused = self.unknown = 0
        self.times: dict[int, int] = {}
        """Milliseconds, as exact as Nginx notes them -> how often."""

    def add(self, one: _Kept, by: int = 1) -> None:
        """Count it, or with -1 take it back."""
        _, _, status, taken = one
        self.count += by
        self.errors += by * (status >= 500)
        self.refused += by * (400 <= status < 500)
        self.unknown += by * (status == 404)
        if taken >= 0:
            left = self.times.get(taken, 0) + by
            if left:
                self.times[taken] = left
            else:
                del self.times[taken]

    def merge(self, other: "_Row") -> None:
        """Count all of another one too."""
        for name in ("count", "errors", "refused", "unknown"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for taken, count in other.times.items():
            self.times[taken] = self.times.get(taken, 0) + count

    def told(self, seconds: float) -> dict[str, Any]:
        """How many, how often, how slow, how many wrong."""
        return {
            "count": self.count,
            "per_second": round(self.count / seconds, 2),
            "errors": self.errors,
            "error_percent": round(100 * self.errors / self.count, 2) if self.count else 0.0,
            "refused": self.refused,
            **self._percentiles(),
        }

    def _percentiles(self) -> dict[str, float]:
        """Nearest rank, as ``percentile``."""
        total = sum(self.times.values())
        wanted = {name: min(total - 1, int(total * part)) for name, part in PERCENTILES.items()}
        found, passed = dict.fromkeys(PERCENTILES, 0.0), 0
        for taken in sorted(self.times):
            here = passed + self.times[taken]
            for name, rank in wanted.items():
                if passed <= rank < here:
                    found[name] = float(taken)
            passed = here
        return found


class Window:
    """The last minutes of a log."""

    def __init__(self, seconds: float = WINDOW_SECONDS) -> None:
        self.seconds = seconds
        self._all: deque[_Kept] = deque()
        self._minute: deque[_Kept] = deque()
        self._total, self._last_minute = _Row(), _Row()
        self._rows: dict[str, _Row] = {}
        self._statuses: Counter[int] = Counter()

    def add(self, found: Iterable[Entry]) -> None:
        """Further entries, in the log's order."""
        for one in found:
            taken = round(one.seconds * 1000) if one.kind == "http" else -1
            kept = (one.at, endpoint(one.path), one.status, taken)
            self._all.append(kept)
            self._minute.append(kept)
            self._total.add(kept)
            self._last_minute.add(kept)
            self._rows.setdefault(kept[1], _Row()).add(kept)
            self._statuses[one.status] += 1
            if len(self._all) > ENTRIES:
                self._drop()

    def _drop(self) -> None:
        gone = self._all.popleft()
        row = self._rows[gone[1]]
        for one in (self._total, row):
            one.add(gone, -1)
        if not row.count:
            del self._rows[gone[1]]
        self._statuses[gone[2]] -= 1

    def told(self, now: float) -> dict[str, Any]:
        """Counts, rates per second and milliseconds, in all and by endpoint; older entries are forgotten."""
        full = len(self._all) >= ENTRIES
        while self._all and self._all[0][0] < now - self.seconds:
            self._drop()
        while self._minute and self._minute[0][0] < now - MINUTE:
            self._last_minute.add(self._minute.popleft(), -1)
        seconds = min(self.seconds, max(now - self._all[0][0], 1.0)) if full and self._all else self.seconds
        return {
            "window_seconds": round(seconds, 1),
            **self._total.told(seconds),
            "statuses": {str(status): count for status, count in sorted(self._statuses.items()) if count},
            "bad_gateway": self._statuses[502],
            "gateway_timeout": self._statuses[504],
            "last_minute": self._last_minute.told(MINUTE),
            "endpoints": {name: row.told(seconds) for name, row in self._ranked()},
        }

    def _ranked(self) -> list[tuple[str, _Row]]:
        """The busiest first. Paths that nobody serves, as robots try them, share a row; so do all beyond the first ``SHOWN``."""
        rows = {name: row for name, row in self._rows.items() if row.unknown < row.count}
        unknown = [row for row in self._rows.values() if row.unknown >= row.count]
        if unknown:
            rows[NOT_FOUND] = _merged(unknown)
        ranked = sorted(rows.items(), key=lambda row: (-row[1].count, row[0]))
        rest = [row for _, row in ranked[SHOWN:]]
        return ranked[:SHOWN] + ([(OTHER, _merged(rest))] if rest else [])


def _merged(rows: Iterable[_Row]) -> _Row:
    merged = _Row()
    for row in rows:
        merged.merge(row)
    return merged


def percentile(ordered: Sequence[float], part: float) -> float:
    """Nearest rank; 0 for none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0
