"""After a killed update: the lock that it left, and the operations that it had begun."""

import contextlib
import json
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound
from rich.console import Console

from ops.engines import Engine
from ops.errors import Failed
from ops.workspace import this_host
from targets.docker import names
from targets.docker.agent import engine


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


def lock_of(stack: Engine) -> Lock | None:
    """The lock on a stack of the local file backend; one of another machine counts as alive."""
    folder = stack.workspace.state
    for path in (folder / ".pulumi/locks").rglob("*.json") if folder else ():
        if path.parent.name != stack.name:
            continue
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            lock = json.loads(path.read_text())
            holder = f"process {lock['pid']} of {lock['username']}@{lock['hostname']} since {lock['timestamp']}"
            return Lock(path, holder, lock["hostname"] != this_host() or _alive(lock["pid"]))
    return None


def release_stale_lock(stack: Engine, console: Console) -> None:
    """A lock of a process on this machine that is dead is taken away; a living one's holder is named. Raises ``Failed``."""
    while lock := lock_of(stack):
        if lock.alive:
            raise Failed(
                f"another update of stack {stack.name} is running: {lock.holder}; "
                f"way out: wait for it, or delete {lock.path} if it is dead"
            )
        console.print(f"an earlier update was killed ({lock.holder}): its lock is taken away")
        tell_killed()
        lock.path.unlink(missing_ok=True)
        Path(f"{lock.path}.attrs").unlink(missing_ok=True)


def tell_killed() -> None:
    """The program learns that an update was killed: on hosts it then looks closer than from outside."""
    os.environ["GATEWAY_KILLED"] = datetime.now(timezone.utc).isoformat(timespec="seconds")


def _alive(pid: int) -> bool:
    """Whether that process is an engine that still runs; a number used again by something else is not."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes() if Path("/proc").is_dir() else b"pulumi"
        os.kill(pid, 0)
    except (OSError, ProcessLookupError):
        return False
    return b"pulumi" in command or b"python" in command


def clear_pending(stack: Engine, client: docker.DockerClient | None, app: str, console: Console) -> None:
    """Operations that a killed update had begun: what they may have made is removed if the state has no such thing.

    Commands are safe to repeat and are just forgotten; a container or network of that name would be in the way of the next try.
    """
    if client is not None:
        engine.sweep(client, app)
    state = stack.export()
    pending: list[dict[str, Any]] = state["deployment"].get("pending_operations") or []
    if not pending:
        return
    known = {resource.get("id") for resource in state["deployment"].get("resources", [])}
    for operation in pending:
        if operation["type"] == "creating" and client is not None:
            _remove_unknown(client, app, operation["resource"], known)
    state["deployment"]["pending_operations"] = []
    stack.import_(state)
    tell_killed()
    console.print(f"an earlier update was killed while {len(pending)} operation(s) ran: they are done again")


def _remove_unknown(client: docker.DockerClient, app: str, resource: dict[str, Any], known: set[str | None]) -> None:
    kind, name = resource["type"], resource.get("inputs", {}).get("name", "")
    with contextlib.suppress(NotFound, APIError):
        if kind == "docker:index/container:Container":
            container = client.containers.get(name)
            if container.labels.get(names.LABEL_APP) == app and container.id not in known:
                container.remove(force=True)
        elif kind == "docker:index/network:Network":
            network = client.networks.get(name)
            if (network.attrs["Labels"] or {}).get(names.LABEL_APP) == app and network.id not in known:
                network.remove()
