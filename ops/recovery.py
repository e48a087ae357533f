"""After a killed update: the lock that it left, and the operations that it had begun."""

import contextlib
import os
from datetime import datetime, timezone
from typing import Any

import docker
from docker.errors import APIError, NotFound
from rich.console import Console

from ops.engines import Engine
from ops.errors import Failed
from ops.file_backend import lock_of
from targets.docker import names
from targets.docker.agent import engine


def release_stale_lock(stack: Engine, console: Console) -> None:
    """A lock of a process on this machine that is dead is taken away; a living one's holder is named. Raises ``Failed``."""
    while lock := lock_of(stack.workspace.state, stack.name):
        if lock.alive:
            raise Failed(
                f"another update of stack {stack.name} is running: {lock.holder}; "
                f"way out: wait for it, or delete {lock.path} if it is dead"
            )
        console.print(f"an earlier update was killed ({lock.holder}): its lock is taken away")
        tell_killed()
        lock.release()


def tell_killed() -> None:
    """The program learns that an update was killed: on hosts it then looks closer than from outside."""
    os.environ["GATEWAY_KILLED"] = datetime.now(timezone.utc).isoformat(timespec="seconds")


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
