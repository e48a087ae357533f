"""What a load found, for tests and for people."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, TypedDict


class Failure(NamedTuple):
    """One failed request; ``t`` in seconds since the start. The kinds are told at ``wire.Trouble``."""

    t: float
    kind: str
    method: str
    path: str


@dataclass(frozen=True)
class Seen:
    """How often a header had a value, and when first and last."""

    count: int
    first: float
    last: float


class Streams(TypedDict):
    """WebSocket or SSE clients, all together."""

    clients: int
    opened: int
    open_at_end: int
    sent: int
    """Messages sent (WebSocket)."""
    received: int
    """Messages echoed, or events."""
    closed: int
    """Ended as the protocol ends: by a close frame, by the last chunk."""
    cut: int
    """Ended in any other way."""
    how: dict[str, int]
    """Ends by kind, with the code of a close frame."""
    first_end: float | None
    last_end: float | None
    open_failed: dict[str, int]
    """Tries to open that failed, by kind."""
    longest_down_ms: float
    """From the end of a stream (or the first try) to the first message of the next, or to the end of the load."""
    reconnect_ms: list[float]
    """That time for each that came back."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Times are in seconds since the start, durations in ms. ``sent`` = ``ok`` + ``failed`` + ``unfinished``."""

    seconds: float
    sent: int
    ok: int
    failures: tuple[Failure, ...]
    unfinished: int
    """Still in flight (or too slow to wait for) when the report was made; not failed."""
    missed: int
    """Requests not sent since their client still waited for an answer."""
    longest_gap_ms: float
    """Longest time without a good answer to any quick request."""
    longest_gap_at: float
    longest_gap_by_client_ms: dict[str, float]
    latency_ms: dict[str, float]
    closed_idle: int
    """Kept connections that the server closed while nothing was under way on them."""
    closed_idle_at: tuple[float, ...]
    timeline: tuple[tuple[float, str, int], ...]
    """Start of a quarter of a second, the interface that answered (or ``failed``), how many answers."""
    websockets: Streams
    sse: Streams
    answers: Mapping[str, Mapping[str, Seen]]
    """Header name -> value -> how often and when."""
    marks: dict[str, float]
    errors: tuple[str, ...]
    """Faults of the load client itself: always empty, or the figures mean nothing."""

    @property
    def failed(self) -> int:
        return len(self.failures)

    @property
    def failed_by_kind(self) -> dict[str, int]:
        return dict(Counter(failure.kind for failure in self.failures))

    @property
    def lost(self) -> int:
        """Failures that no client mends: all but those on a connection that had been used before and was closed while idle.

        Those a client may send again on another connection (RFC 9112, 9.3.1), and browsers do. A reload of Nginx makes them:
        it closes every idle connection, and one that sends at that very moment meets the close.
        """
        return sum(failure.kind != "stale_keepalive" for failure in self.failures)

    @property
    def first_failure(self) -> float | None:
        return min((failure.t for failure in self.failures), default=None)

    @property
    def last_failure(self) -> float | None:
        return max((failure.t for failure in self.failures), default=None)

    @property
    def answers_by_instance(self) -> Mapping[str, Seen]:
        return self.answers.get("X-Instance", {})

    @property
    def answers_by_interface(self) -> Mapping[str, Seen]:
        return self.answers.get("X-Interface", {})

    def as_dict(self) -> dict[str, Any]:
        """For JSON; no more than the first 100 failures one by one."""
        failures = [failure._asdict() for failure in self.failures[:100]]
        answers = {name: {value: asdict(seen) for value, seen in values.items()} for name, values in self.answers.items()}
        counted = {
            "failed": self.failed,
            "failed_by_kind": self.failed_by_kind,
            "first_failure": self.first_failure,
            "last_failure": self.last_failure,
        }
        return {**asdict(self), **counted, "failures": failures, "answers": answers}

    def summary(self) -> str:
        """One paragraph."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.failed_by_kind.items()))
        when = f" ({kinds}; from {self.first_failure:.1f} s to {self.last_failure:.1f} s)" if self.failures else ""
        parts = [
            f"{self.sent} requests in {self.seconds:.1f} s, {self.failed} failed{when}",
            f"longest gap {self.longest_gap_ms:.0f} ms at {self.longest_gap_at:.1f} s",
            f"p50 {self.latency_ms.get('p50', 0):.0f} ms, p99 {self.latency_ms.get('p99', 0):.0f} ms",
            f"{self.closed_idle} idle connections closed",
        ]
        if self.unfinished:
            parts.append(f"{self.unfinished} unfinished")
        for name, streams in (("WebSockets", self.websockets), ("SSE", self.sse)):
            if streams["clients"]:
                parts.append(
                    f"{streams['clients']} {name}: {streams['received']} messages, {streams['closed']} closed, "
                    f"{streams['cut']} cut, down for {streams['longest_down_ms']:.0f} ms at most"
                )
        for value, seen in self.answers_by_instance.items():
            parts.append(f"instance {value} answered {seen.count} times from {seen.first:.1f} s to {seen.last:.1f} s")
        if self.errors:
            parts.append(f"THE LOAD CLIENT ITSELF FAILED: {self.errors[0]}")
        return "; ".join(parts) + "."
