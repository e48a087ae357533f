"""What was asked and answered around a moment, second by second. Standard library only: hosts count it themselves."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from targets.common.access_log import Entry
from targets.common.requests_seen import percentile

BEFORE, AFTER = 30, 60
"""Seconds that are told before a moment and after it."""


def around(entries: Iterable[Entry], moments: Sequence[float]) -> list[dict[str, Any]]:
    """For each moment the seconds around it, and figures of the time before and after; ``reached`` is whether the log goes that
    far back."""
    ordered = sorted(entries, key=lambda one: one.at)
    times = [one.at for one in ordered]
    told = []
    for moment in moments:
        first, last = bisect_left(times, moment - BEFORE), bisect_right(times, moment + AFTER)
        near = ordered[first:last]
        told.append(
            {
                "at": moment,
                "reached": bool(near) or (bool(times) and times[0] < moment - BEFORE),
                "seconds": _seconds(near, moment),
                "before": _figures([one for one in near if one.at < moment]),
                "after": _figures([one for one in near if one.at >= moment]),
            }
        )
    return told


def _seconds(near: Sequence[Entry], moment: float) -> list[dict[str, Any]]:
    """A row per second that had an answer; ``t`` is its begin, seconds from the moment."""
    rows: dict[int, list[Entry]] = {}
    for one in near:
        rows.setdefault(int((one.at - moment) // 1), []).append(one)
    return [
        {"t": t, **_figures(ones), "instances": dict(Counter(one.instance or "-" for one in ones))}
        for t, ones in sorted(rows.items())
    ]


def _figures(entries: Sequence[Entry]) -> dict[str, Any]:
    times = sorted(one.seconds for one in entries if one.kind == "http")
    return {
        "count": len(entries),
        "errors": sum(one.status >= 500 for one in entries),
        "p50": round(percentile(times, 0.5) * 1000, 1),
        "p95": round(percentile(times, 0.95) * 1000, 1),
    }
