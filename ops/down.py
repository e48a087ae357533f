"""``make down``: the site is taken away; what users made (database, uploads) stays unless somebody says otherwise."""

import contextlib
import json
from typing import Any

import docker
from docker.errors import NotFound
from rich.console import Console

from ops import docker_engine, recovery
from ops.cli import said
from ops.engines import Engine, UpdateFailed, open_stack
from ops.errors import BadConfig
from ops.hosts import remove_data, stacks_on_hosts
from ops.progress import Progress
from settings import load
from targets.docker.agent import engine
from targets.docker.tls import VOLUMES


def down(stack_name: str, console: Console, *, data: bool) -> None:
    """The engine's destroy; protected volumes are kept, or removed for good with ``data``."""
    stack = open_stack(stack_name, console)
    stack.open()
    config, _ = stack.config()
    client = docker_engine.ensure(console) if config.get("gateway:target", "docker") == "docker" else None
    joined = bool(config.get("gateway:joins"))
    if not joined:
        _expect_alone(client, stack)
    recovery.release_stale_lock(stack, console)
    if data:
        stack.unprotect_all()
    progress = Progress(console)
    try:
        stack.destroy(progress, keep_protected=not data)
    except UpdateFailed as error:
        raise said(progress.failure()[0] if progress.errors else str(error)) from None
    if data and client is not None and not joined:
        _remove_images(client, stack)
        _remove_certificates(client, stack)
    elif data and client is None and not joined:
        remove_data(load(*_given(stack)), f"gateway/{stack.name}")
    kept = "its database, uploads and certificates are kept (make down DATA=delete removes them)"
    console.print(f"down; {'nothing of it is left' if data else kept}")


def _expect_alone(client: docker.DockerClient | None, stack: Engine) -> None:
    """Raises ``BadConfig`` where other stacks still have instances of this one's site."""
    config, _ = stack.config()
    app = json.loads(config.get("gateway:app") or "{}").get("name", "")
    if not app:
        return
    if client is None:
        stacks = stacks_on_hosts(load(*_given(stack)), f"gateway/{stack.name}")
    else:
        stacks = {engine.stack_of(one) for one in engine.instances(client, app)}
    others = sorted({one.rpartition("/")[2] for one in stacks} - {stack.name.rpartition("/")[2], ""})
    if others:
        first = others[0]
        raise BadConfig(f"stack {', '.join(others)} has joined this site and needs it; way out: make down STACK={first} first")


def _given(stack: Engine) -> tuple[dict[str, Any], str, frozenset[str]]:
    values, encrypted = stack.config()
    return values, stack.name, encrypted


def _remove_certificates(client: docker.DockerClient, stack: Engine) -> None:
    """Volumes that the engine leaves, whatever else it takes away."""
    config, _ = stack.config()
    app = json.loads(config.get("gateway:app") or "{}").get("name")
    for role in VOLUMES if app else ():
        with contextlib.suppress(NotFound):
            client.volumes.get(f"{app}-{role}").remove()


def _remove_images(client: docker.DockerClient, stack: Engine) -> None:
    config, _ = stack.config()
    app = json.loads(config.get("gateway:app") or "{}").get("name")
    for repository in (f"gateway/{app}", f"gateway/{app}-served", f"gateway/{app}-dependencies"):
        for image in client.images.list(name=repository) if app else ():
            for tag in image.tags:
                client.images.remove(tag, force=True)
