"""What processes say of themselves below /proc: those of a service, their memory, sockets. Standard library only."""

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
LISTENING = 0x10000
TRACKER = "multiprocessing.resource_tracker"
"""A process of Python's own beside spawned workers."""


def worker_count(processes: Iterable[tuple[int, int, str]], main: int) -> int:
    """Server processes among (pid, parent, command line): the children of the main one, or itself where it has none."""
    children = [pid for pid, parent, line in processes if parent == main and TRACKER not in line]
    return max(1, len(children))


def of_cgroup(folder: Path) -> list[tuple[int, int, str]]:
    """(pid, parent, command line) of each process of a control group."""
    found = []
    try:
        pids = [int(line) for path in folder.rglob("cgroup.procs") for line in path.read_text().split()]
    except OSError:
        return []
    for pid in pids:
        try:
            stat, line = (PROC / str(pid) / "stat").read_text(), (PROC / str(pid) / "cmdline").read_text(errors="replace")
        except OSError:
            continue
        found.append((pid, int(stat.rpartition(")")[2].split()[1]), line.replace("\0", " ")))
    return found


def groups(text: str) -> dict[str, str]:
    """Controller -> control group, from the text of ``/proc/<pid>/cgroup``; '' is the one of version 2."""
    rows = (line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2)
    return {controller: path for _, controllers, path in rows for controller in controllers.split(",")}


def groups_of(pid: int) -> dict[str, str]:
    """Those of a process, none of one that has ended."""
    try:
        return groups((PROC / str(pid) / "cgroup").read_text())
    except OSError:
        return {}


def group_folder(found: dict[str, str], controller: str) -> Path:
    """Where a control group is: of version 1 by its controller, else of version 2."""
    if controller in found:
        return CGROUPS / controller / found[controller].lstrip("/")
    return CGROUPS / found.get("", "-").lstrip("/")


def memory(folder: Path, pids: Iterable[int]) -> int:
    """Bytes: what the control group holds without the file cache that the kernel could drop; else the processes' shares."""
    for current, cache in (("memory.current", "inactive_file"), ("memory.usage_in_bytes", "total_inactive_file")):
        try:
            used = int((folder / current).read_text())
            found = re.search(rf"^{cache} (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE)
        except (OSError, ValueError):
            continue
        return used - (int(found[1]) if found else 0)
    return sum(_share(pid) for pid in pids)


def _share(pid: int) -> int:
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", (PROC / str(pid) / "smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def unix_connections(table: str) -> Counter[str]:
    """Path of a listening socket -> connections to it, from the text of ``/proc/net/unix``.

    The server's end is listed under the listener's path, so each connection counts once: a request, a stream, or an idle one.
    """
    rows = (line.split() for line in table.splitlines()[1:])
    return Counter(row[7] for row in rows if len(row) == 8 and not int(row[3], 16) & LISTENING)


def entry_figures(folder: Path, now: float) -> dict[str, float]:
    """What ``gateway_entry.py`` of each server process noted in ``folder``, together; empty where none did lately."""
    found = []
    try:
        for path in folder.glob("*.json"):
            found.append(path.read_text())
    except OSError:
        pass
    return figures_in(found, now)


STALE_SECONDS = 10.0


def figures_in(texts: Iterable[str], now: float) -> dict[str, float]:
    """Streams added up, the longest lag."""
    rows = []
    for text in texts:
        with contextlib.suppress(ValueError):
            rows.append(json.loads(text))
    rows = [row for row in rows if now - float(row.get("at", 0)) < STALE_SECONDS]
    if not rows:
        return {}
    return {
        "websockets": sum(int(row.get("websockets", 0)) for row in rows),
        "streams": sum(int(row.get("streams", 0)) for row in rows),
        "loop_lag_ms": max(float(row.get("lag_ms", 0)) for row in rows),
    }
