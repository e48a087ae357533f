"""The load as a context manager, in a thread of its own: for tests and for the benchmarks."""

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType

from bench.load.options import Options, Origin
from bench.load.recorder import Recorder
from bench.load.report import Report
from bench.load.run import report, run


@dataclass
class _Running:
    thread: threading.Thread | None = None
    loop: asyncio.AbstractEventLoop | None = None
    stop: asyncio.Event | None = None
    recorder: Recorder = field(default_factory=Recorder)
    ready: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, kw_only=True)
class Load(Options):
    """``with Load(base_url="http://127.0.0.1:8080", host="localhost") as load: ...``, then ``load.report``.

    Once it runs it raises nothing: what goes wrong is in the report. Options that make no sense raise at the start. Leaving
    takes at most ``grace`` seconds and a bit.
    """

    _running: _Running = field(default_factory=_Running, init=False, repr=False, compare=False)

    def __enter__(self) -> "Load":
        Origin.of(self)
        running = self._running
        running.thread = threading.Thread(target=self._main, name="load", daemon=True)
        running.thread.start()
        running.ready.wait(5)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.finish()

    def finish(self) -> Report:
        """Stop now (leaving the ``with`` does it too) and tell what was found."""
        running = self._running
        if running.thread and running.loop and running.stop:
            with contextlib.suppress(RuntimeError):  # its loop is over already
                running.loop.call_soon_threadsafe(running.stop.set)
            running.thread.join(self.grace + 2)
            if running.thread.is_alive():
                running.recorder.errors.append("the load did not stop in time")
        return self.report

    @property
    def report(self) -> Report:
        """What was found; while the load runs, what was found so far."""
        running = self._running
        if running.thread and running.thread.is_alive() and running.loop:

            async def now() -> Report:
                return report(self, running.recorder)

            with contextlib.suppress(Exception):  # it has just ended; what it left can be read from here
                return asyncio.run_coroutine_threadsafe(now(), running.loop).result(5)
        return report(self, running.recorder)

    def now(self) -> float:
        """Seconds since the start, the clock of the report."""
        return self._running.recorder.now()

    def mark(self, name: str) -> float:
        """Note the time under ``name`` in ``report.marks``."""
        self._running.recorder.marks[name] = moment = self.now()
        return moment

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._running.recorder.errors.append(f"{type(error).__name__}: {error}")
        finally:
            self._running.ready.set()

    async def _serve(self) -> None:
        running = self._running
        running.loop, running.stop = asyncio.get_running_loop(), asyncio.Event()
        running.recorder.start = time.monotonic()  # the clock starts with the first client
        running.ready.set()
        await run(self, running.recorder, running.stop)
