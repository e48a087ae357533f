"""Pulumi's local file backend, and what a process that was killed while it wrote leaves there.

The CLI (3.260) writes a state beside the old one and renames it, so that it is whole at any moment. The file of its attributes
(``.attrs``, a checksum that nobody checks) is written in place before that: killed in that moment it is empty, and every later
command fails with "failed to load checkpoint: EOF". Without the file all is well.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.errors import Failed
from ops.workspace import this_host


@dataclass(frozen=True)
class Lock:
    """Somebody's lock on the stack."""

    path: Path
    holder: str
    alive: bool

    @property
    def told(self) -> str:
        """In words."""
        return f"another update is running: {self.holder}" if self.alive else f"an update was killed: {self.holder}"

    def release(self) -> None:
        """Take it away."""
        self.path.unlink(missing_ok=True)
        _attributes(self.path).unlink(missing_ok=True)


def lock_of(state: Path | None, stack: str) -> Lock | None:
    """The lock on a stack in that folder, None also for another backend; one of another machine counts as alive."""
    for path in (state / ".pulumi/locks").rglob("*.json") if state else ():
        if path.parent.name != stack.rpartition("/")[2]:
            continue
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            lock = json.loads(path.read_text())
            holder = f"process {lock['pid']} of {lock['username']}@{lock['hostname']} since {lock['timestamp']}"
            return Lock(path, holder, lock["hostname"] != this_host() or _alive(lock["pid"]))
    return None


def mend(state: Path | None, stack: str) -> None:
    """Take away what a killed write has left, unless somebody is at work. Raises ``Failed`` for a state that is cut short."""
    lock, stack = lock_of(state, stack), stack.rpartition("/")[2]
    if state is None or (lock and lock.alive):
        return
    for path in _files(state / ".pulumi", stack):
        if path.suffix == ".tmp":
            path.unlink(missing_ok=True)
        elif not _whole(_attributes(path)):
            _attributes(path).unlink(missing_ok=True)
    for path in (state / ".pulumi/stacks").rglob(f"{stack}.json"):
        if not _whole(path):
            before = path.with_name(f"{path.name}.bak")
            kept = before.exists() and _whole(before)
            way_out = f"mv {before} {path}, which is the state before" if kept else "put a copy of it back"
            raise Failed(f"the state {path} is cut short (did the power go?); way out: {way_out}; then run this again")


def _files(folder: Path, stack: str) -> Iterator[Path]:
    """What the CLI reads to open the stack and to tell its history, and what it never came to rename."""
    yield folder / "meta.yaml"
    yield from (folder / "stacks").rglob(f"{stack}.json*")
    for kind in ("locks", "history"):
        yield from (path for path in (folder / kind).rglob("*.json") if path.parent.name == stack)


def _attributes(path: Path) -> Path:
    return path.with_name(f"{path.name}.attrs")


def _whole(path: Path) -> bool:
    """Whether it is JSON; a file that is not there is."""
    try:
        json.loads(path.read_bytes())
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True


def _alive(pid: int) -> bool:
    """Whether that process is an engine that still runs; a number used again by something else is not."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes() if Path("/proc").is_dir() else b"pulumi"
        os.kill(pid, 0)
    except (OSError, ProcessLookupError):
        return False
    return b"pulumi" in command or b"python" in command
