"""What was asked and answered in the last minutes: rates, latencies and errors, by endpoint. Standard library only."""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Any

from targets.common.access_log import Entry, endpoint

WINDOW_SECONDS = 300.0
ENTRIES = 200_000
"""So many are kept at most: a very busy site tells of less time."""
SHOWN = 30
"""Endpoints that have a row of their own; the others are counted together."""
OTHER = "(other)"
NOT_FOUND = "(not found)"
GATEWAY_ERRORS = (502, 504)


class Window:
    """The last minutes of a log."""

    def __init__(self, seconds: float = WINDOW_SECONDS) -> None:
        self.seconds = seconds
        self._found: deque[tuple[Entry, str]] = deque(maxlen=ENTRIES)

    def add(self, found: Iterable[Entry]) -> None:
        """Further entries, in the log's order."""
        self._found.extend((one, endpoint(one.path)) for one in found)

    def told(self, now: float) -> dict[str, Any]:
        """Counts, rates per second and milliseconds, in all and by endpoint; older entries are forgotten."""
        found = self._found
        while found and found[0][0].at < now - self.seconds:
            found.popleft()
        full = len(found) == ENTRIES
        seconds = min(self.seconds, max(now - found[0][0].at, 1.0)) if full else self.seconds
        entries = [one for one, _ in found]
        return {
            "window_seconds": round(seconds, 1),
            **_figures(entries, seconds),
            "statuses": {str(status): count for status, count in sorted(Counter(one.status for one in entries).items())},
            "bad_gateway": sum(one.status == 502 for one in entries),
            "gateway_timeout": sum(one.status == 504 for one in entries),
            "last_minute": _figures([one for one in entries if one.at >= now - 60], 60.0),
            "endpoints": {name: _figures(rows, seconds) for name, rows in _by_endpoint(found)},
        }


def _by_endpoint(found: Iterable[tuple[Entry, str]]) -> list[tuple[str, list[Entry]]]:
    """The busiest first. Paths that nobody serves, as robots try them, share a row; so do all beyond the first ``SHOWN``."""
    rows: dict[str, list[Entry]] = {}
    for one, name in found:
        rows.setdefault(name, []).append(one)
    unknown = [name for name, ones in rows.items() if all(one.status == 404 for one in ones)]
    if unknown:
        rows[NOT_FOUND] = [one for name in unknown for one in rows.pop(name)]
    ranked = sorted(rows.items(), key=lambda row: (-len(row[1]), row[0]))
    rest = [one for _, ones in ranked[SHOWN:] for one in ones]
    return ranked[:SHOWN] + ([(OTHER, rest)] if rest else [])


def _figures(entries: Sequence[Entry], seconds: float) -> dict[str, Any]:
    """Of some entries: how many, how often, how slow, how many wrong. What was upgraded has no latency."""
    times = sorted(one.seconds for one in entries if one.kind == "http")
    errors = sum(one.status >= 500 for one in entries)
    return {
        "count": len(entries),
        "per_second": round(len(entries) / seconds, 2),
        "errors": errors,
        "error_percent": round(100 * errors / len(entries), 2) if entries else 0.0,
        "refused": sum(400 <= one.status < 500 for one in entries),
        **{name: round(percentile(times, part) * 1000, 1) for name, part in PERCENTILES.items()},
    }


PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def percentile(ordered: Sequence[float], part: float) -> float:
    """Nearest rank; 0 for none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0
