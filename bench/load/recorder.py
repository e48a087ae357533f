"""What happened, as it happens. Used from the load's own thread only."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.load.options import Options, Origin
from bench.load.report import Failure, Seen


@dataclass
class StreamLog:
    """WebSocket or SSE clients."""

    opened: int = 0
    open_now: int = 0
    sent: int = 0
    received: int = 0
    closed: list[float] = field(default_factory=list)
    cut: list[float] = field(default_factory=list)
    how: Counter[str] = field(default_factory=Counter)
    open_failed: Counter[str] = field(default_factory=Counter)
    reconnected: list[float] = field(default_factory=list)
    """Seconds from an end to the next message."""
    still_down: list[float] = field(default_factory=list)
    """Seconds from an end to the end of the load."""


SLICE_SECONDS = 0.25


class Recorder:
    """Counts, times since the start, and the longest time without a good answer."""

    def __init__(self) -> None:
        self.start = time.monotonic()
        self.stopped: float | None = None
        self.sent = self.ok = self.missed = self.unfinished = 0
        self.failures: list[Failure] = []
        self.latencies: list[float] = []
        self.gaps: dict[str, tuple[float, float]] = {}
        """Client -> longest gap and when it began."""
        self.last_ok: dict[str, float] = {}
        self.seen: dict[str, dict[str, Seen]] = {}
        self.closed_idle: list[float] = []
        self.websockets, self.sse = StreamLog(), StreamLog()
        self.errors: list[str] = []
        """Faults of this client itself."""
        self.marks: dict[str, float] = {}
        self.timeline: Counter[tuple[int, str]] = Counter()

    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    def success(self, client: str, began: float, headers: Mapping[str, str], names: tuple[str, ...], *, slow: bool) -> None:
        """A whole good answer. A slow one is no sign of life for the gap, nor a latency."""
        end = self.now()
        self.ok += 1
        self.timeline[int(end / SLICE_SECONDS), headers.get("x-interface", "ok")] += 1
        for name in names:
            if (value := headers.get(name.lower())) is not None:
                values = self.seen.setdefault(name, {})
                before = values.get(value)
                values[value] = Seen(before.count + 1, before.first, end) if before else Seen(1, end, end)
        if slow:
            return
        self.latencies.append(end - began)
        if self.stopped is None:
            for key in ("all", client):
                self.gap(key, end)
                self.last_ok[key] = end

    def gap(self, client: str, until: float) -> None:
        """Take the time since the last good answer into account."""
        last = self.last_ok.get(client, 0.0)
        if until - last > self.gaps.get(client, (0.0, 0.0))[0]:
            self.gaps[client] = (until - last, last)

    def failure(self, kind: str, method: str, path: str) -> None:
        """A request that was not answered well."""
        self.timeline[int(self.now() / SLICE_SECONDS), "failed"] += 1
        self.failures.append(Failure(round(self.now(), 3), kind, method, path))

    def stop(self) -> None:
        """The load ends now; answers that still come count, the gap does not grow."""
        self.stopped = self.now()
        self.gap("all", self.stopped)


@dataclass(frozen=True)
class Context:
    """What every client has."""

    options: Options
    origin: Origin
    recorder: Recorder
    stop: asyncio.Event

    async def rest(self, seconds: float) -> None:
        """Sleep, but not beyond the end of the load."""
        if seconds > 0:
            try:
                await asyncio.wait_for(self.stop.wait(), seconds)
            except asyncio.TimeoutError:
                return
