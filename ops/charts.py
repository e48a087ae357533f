"""Charts as inline SVG: pure functions from figures to text. Readable at the width of a phone: 380 units are the whole width."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, LEFT, RIGHT = 380, 44, 6
BARS, LINE, GAP, AXIS = 96, 56, 22, 16
"""Heights: requests per second, latency, between them, and the time axis below."""
TOP = 14
FEW = 10
"""Seconds with an answer; fewer are dots too, since a line of one point is none."""

Facts = Mapping[str, Any]


def switch_chart(seen: Facts, live: str, before: int, after: int, title: str) -> str:
    """Requests per second around a switch, coloured by who answered, failed ones on top; below it p95. ``live`` took over."""
    seconds = seen["seconds"]
    most = max((one["count"] for one in seconds), default=1)
    slowest = _most_of([one["p95"] for one in seconds])
    step = (WIDTH - LEFT - RIGHT) / (before + after)
    height = TOP + BARS + GAP + LINE + AXIS
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" class="chart">',
        _scale(TOP, BARS, f"{most}/s"),
        _scale(TOP + BARS + GAP, LINE, _milliseconds(slowest)),
        *(_bars(one, LEFT + (one["t"] + before) * step, step, most, live) for one in seconds),
        _latency(seconds, step, before, slowest),
        _moment(LEFT + before * step, TOP + BARS + GAP + LINE),
        *_times(before, after, step, height),
        f'<text x="{LEFT}" y="{TOP + BARS + GAP - 4}" class="name">p95 of each second</text>',
        f'<text x="{LEFT}" y="{TOP - 4}" class="name">answers per second</text>',
        "</svg>",
    ]
    return "".join(parts)


def _most_of(values: Sequence[float]) -> float:
    """Where a scale ends that shows nearly all of them: one event stream that ended must not press the others flat."""
    ordered = sorted(values)
    last = int(len(ordered) * 0.95) if len(ordered) > 2 * FEW else len(ordered)
    return max(ordered[: max(last, 1)], default=1.0) * 1.1 or 1.0


def _milliseconds(value: float) -> str:
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def _scale(top: float, height: float, most: str) -> str:
    """Two lines with what they stand for."""
    lines = (f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>' for y in (top, top + height))
    words = ((top + 4, most), (top + height, "0"))
    return "".join(lines) + "".join(f'<text x="{LEFT - 4}" y="{y:.1f}" class="scale">{word}</text>' for y, word in words)


def _bars(one: Facts, x: float, step: float, most: int, live: str) -> str:
    """One second: the instance before, the new one, and what failed, one above the other."""
    failed = one["errors"]
    new = min(one["instances"].get(live, 0), one["count"] - failed)
    rest = one["count"] - failed - new
    y, parts = float(TOP + BARS), []
    for count, kind in ((rest, "old"), (new, "new"), (failed, "bad")):
        tall = BARS * count / most
        if count:
            y -= tall
            parts.append(f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(step - 0.4, 0.5):.2f}" height="{tall:.2f}" class="{kind}"/>')
    return "".join(parts)


def _latency(seconds: Sequence[Facts], step: float, before: int, slowest: float) -> str:
    base = TOP + BARS + GAP + LINE
    points = [(LEFT + (one["t"] + before + 0.5) * step, base - LINE * min(1.0, one["p95"] / slowest)) for one in seconds]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.5" class="dot"/>' for x, y in (points if len(points) < FEW else ()))
    return (f'<polyline points="{line}" class="line"/>' if points else "") + "".join(dots)


def _moment(x: float, bottom: float) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 2}" y2="{bottom}" class="moment"/>'


def _times(before: int, after: int, step: float, height: float) -> list[str]:
    marks = ((-before, "start"), (0, "middle"), (after, "end"))
    named = {-before: f"-{before} s", 0: "switch", after: f"+{after} s"}
    return [
        f'<text x="{LEFT + (t + before) * step:.1f}" y="{height - 3}" text-anchor="{anchor}" class="name">{named[t]}</text>'
        for t, anchor in marks
    ]


def bar(value: float, most: float, kind: str = "new") -> str:
    """A bar of a table's cell."""
    part = 100 * value / most if most else 0
    return (
        '<svg viewBox="0 0 100 8" preserveAspectRatio="none" class="bar" aria-hidden="true">'
        f'<rect width="{part:.1f}" height="8" class="{kind}"/></svg>'
    )
