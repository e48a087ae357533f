"""All clients of a load, from start to stop, and the report."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from bench.load import clients, streams
from bench.load.options import Options, Origin
from bench.load.recorder import SLICE_SECONDS, Context, Recorder, StreamLog
from bench.load.report import Report, Streams

Start = Callable[[], Coroutine[Any, Any, None]]


async def run(options: Options, recorder: Recorder, stop: asyncio.Event) -> None:
    """Load until ``stop``; requests in flight then have ``options.grace`` seconds to end."""
    context = Context(options, Origin.of(options), recorder, stop)
    requests = [_task(context, start) for start in _requests(context)]
    others = [_task(context, start) for start in _streams(context)]
    try:
        await stop.wait()
        recorder.stop()
        await _cancel(others)
        if requests:
            await asyncio.wait(requests, timeout=options.grace)
    finally:
        await _cancel([*others, *requests])


def _requests(context: Context) -> list[Start]:
    options, starts = context.options, list[Start]()
    for method, rate, count in (
        ("GET", options.rate, options.clients),
        ("POST", options.post_rate, max(options.clients // 4, 1)),
    ):
        for keep in (True, False):
            for number in range(count if rate > 0 else 0):
                starts.append(_paced(context, method, number, count, rate / 2, keep))
    return starts + [lambda: clients.slow(context)] * options.slow


def _paced(context: Context, method: str, number: int, of: int, rate: float, keep: bool) -> Start:
    return lambda: clients.paced(context, method, number, of, rate, keep=keep)


def _streams(context: Context) -> list[Start]:
    options = context.options
    return (
        [lambda: clients.idle(context)] * options.idle
        + [lambda: streams.websocket(context)] * options.websockets
        + [lambda: streams.sse(context)] * options.sse
    )


def _task(context: Context, start: Start) -> "asyncio.Task[None]":
    """A client that is started again should it fail itself; that is told in the report and never raised."""

    async def guarded() -> None:
        while True:
            try:
                return await start()
            except Exception as error:
                context.recorder.errors.append(f"{type(error).__name__}: {error}")
            if context.stop.is_set():
                return None
            await context.rest(context.options.retry)

    return asyncio.create_task(guarded())


async def _cancel(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)


def report(options: Options, recorder: Recorder) -> Report:
    """What was found so far, or in all."""
    seconds = recorder.now() if recorder.stopped is None else recorder.stopped
    last = recorder.last_ok.get("all", 0.0)
    longest, at = recorder.gaps.get("all", (0.0, 0.0))
    if seconds - last > longest:
        longest, at = seconds - last, last
    latencies = sorted(recorder.latencies)
    return Report(
        seconds=round(seconds, 3),
        sent=recorder.sent,
        ok=recorder.ok,
        failures=tuple(recorder.failures),
        unfinished=recorder.sent - recorder.ok - len(recorder.failures),
        missed=recorder.missed,
        longest_gap_ms=_ms(longest),
        longest_gap_at=round(at, 3),
        longest_gap_by_client_ms={name: _ms(gap) for name, (gap, _) in recorder.gaps.items() if name != "all"},
        latency_ms={name: _ms(_percentile(latencies, part)) for name, part in PERCENTILES.items()} if latencies else {},
        closed_idle=len(recorder.closed_idle),
        closed_idle_at=tuple(recorder.closed_idle),
        timeline=tuple((slice_ * SLICE_SECONDS, kind, count) for (slice_, kind), count in sorted(recorder.timeline.items())),
        websockets=_streams_report(options.websockets, recorder.websockets),
        sse=_streams_report(options.sse, recorder.sse),
        answers={name: dict(values) for name, values in recorder.seen.items()},
        marks={name: round(t, 3) for name, t in recorder.marks.items()},
        errors=tuple(recorder.errors),
    )


PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


def _percentile(values: list[float], part: float) -> float:
    return values[min(len(values) - 1, int(len(values) * part))]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _streams_report(number: int, log: StreamLog) -> Streams:
    ends = sorted(log.closed + log.cut)
    return Streams(
        clients=number,
        opened=log.opened,
        open_at_end=log.open_now,
        sent=log.sent,
        received=log.received,
        closed=len(log.closed),
        cut=len(log.cut),
        how=dict(log.how),
        first_end=ends[0] if ends else None,
        last_end=ends[-1] if ends else None,
        open_failed=dict(log.open_failed),
        longest_down_ms=_ms(max(log.reconnected + log.still_down, default=0.0)),
        reconnect_ms=[_ms(seconds) for seconds in log.reconnected],
    )
