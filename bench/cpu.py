"""Who used the processors: on a shared machine a rate says little without it. Linux, with the Docker engine on this machine."""

import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path

from bench.lab import docker

TICK = os.sysconf("SC_CLK_TCK")
ENGINE = ("dockerd", "containerd", "containerd-shim")
"""Their work (a container's log passes through them) is nobody's disturbance, and cannot be told apart."""


def busy() -> float:
    """Seconds that all processors were not idle, since the machine started."""
    user, nice, system, _, _, *others = (int(part) for part in Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (user + nice + system + sum(others[:3])) / TICK


def of(pids: list[str]) -> float:
    """Seconds that the processes used so far; one that is gone has used none."""
    total = 0
    for pid in pids:
        try:
            fields = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def container(name: str) -> list[str]:
    """Its processes as this machine numbers them."""
    return docker("top", name, "-eo", "pid").split()[1:]


def engine() -> list[str]:
    """The engine's own processes."""
    return [path.parent.name for path in Path("/proc").glob("[0-9]*/comm") if _name(path).startswith(ENGINE)]


def _name(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


@dataclass
class Meter:
    """CPU seconds between ``start`` and ``stop``: app, proxy, and all that is neither these, nor our children, nor the engine."""

    app: list[str]
    proxy: list[str]

    def start(self) -> None:
        self.engine = engine()
        self.before = self._read()

    def stop(self) -> None:
        wall, self.app_seconds, self.proxy_seconds, own, all_busy = (
            after - before for before, after in zip(self.before, self._read(), strict=True)
        )
        foreign = all_busy - own - self.app_seconds - self.proxy_seconds
        self.foreign = max(0.0, round(foreign / wall / (os.cpu_count() or 1), 3))
        """Share of the machine that others took."""

    def _read(self) -> tuple[float, ...]:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        own = sum(usage.ru_utime + usage.ru_stime for usage in used) + of(self.engine)
        return time.monotonic(), of(self.app), of(self.proxy), own, busy()


def foreign_now(seconds: float = 1.0) -> float:
    """Share of the machine that is used while this process sleeps."""
    meter = Meter([], [])
    meter.start()
    time.sleep(seconds)
    meter.stop()
    return meter.foreign


def await_quiet(limit: float, patience: float = 60.0) -> bool:
    """Wait until others take less than ``limit`` of the machine, at most so long."""
    end = time.monotonic() + patience
    while foreign_now() > limit:
        if time.monotonic() > end:
            return False
    return True
