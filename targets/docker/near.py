"""Containers of an engine on this very machine, seen through /proc: a look costs next to nothing and starts no process."""

from dataclasses import dataclass
from pathlib import Path

from docker.models.containers import Container

from targets.common import processes
from targets.docker.agent import engine

PROC = processes.PROC
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Near:
    """The first process of a running container, as this machine sees it."""

    pid: int
    groups: dict[str, str]
    """Controller ('' for version 2) -> control group."""

    @property
    def root(self) -> Path:
        """The container's files."""
        return PROC / str(self.pid) / "root"

    def unix(self) -> str:
        """Its table of unix sockets."""
        try:
            return (PROC / str(self.pid) / "net/unix").read_text()
        except OSError:
            return ""

    def memory(self) -> int:
        """Bytes, 0 where this machine does not tell."""
        return processes.memory(processes.group_folder(self.groups, "memory"), [pid for pid, *_ in self._processes()])

    def workers(self) -> int:
        """Server processes."""
        return processes.worker_count(self._processes(), self.pid)

    def _processes(self) -> list[tuple[int, int, str]]:
        return processes.of_cgroup(processes.group_folder(self.groups, "pids"))


def content(container: Container, path: str) -> bytes | None:
    """Content of a file in a container, None where there is none; through the engine where it is on another machine."""
    known = near(container) if container.status == "running" else None
    if known is None:
        return engine.get(container, path)
    try:
        return (known.root / path.lstrip("/")).read_bytes()
    except OSError:
        return None


def near(container: Container) -> Near | None:
    """None where the engine is on another machine, or does not let us look."""
    pid = int(container.attrs["State"].get("Pid") or 0)
    try:
        text = (PROC / str(pid) / "cgroup").read_text()
        if not pid or str(container.id) not in text or not (PROC / str(pid) / "net/unix").read_text():
            return None
    except OSError:
        return None
    return Near(pid, processes.groups(text))
