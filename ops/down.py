"""``make down``: the site is taken away; what users made (database, uploads) stays unless somebody says otherwise."""

import json
from collections.abc import Mapping
from typing import Any

import docker
from pulumi import automation as auto
from rich.console import Console

from ops import docker_engine, recovery
from ops.cli import Stack, find_or_install, said
from ops.errors import BadConfig
from ops.progress import Progress
from ops.workspace import open_workspace
from targets.docker.agent import engine


def down(stack_name: str, console: Console, *, data: bool) -> None:
    """``pulumi destroy``; protected volumes are kept, or removed for good with ``data``."""
    stack = Stack(find_or_install(console), open_workspace(), stack_name)
    opened = stack.open()
    config, _ = stack.config()
    client = docker_engine.ensure(console) if config.get("gateway:target", "docker") == "docker" else None
    joined = bool(config.get("gateway:joins"))
    if client is not None and not joined:
        _expect_alone(client, config, stack_name)
    recovery.release_stale_lock(stack, console)
    if data:
        stack.run("state", "unprotect", "--all", "--yes")
    progress = Progress(console)
    try:
        opened.destroy(on_event=progress, exclude_protected=not data or None, suppress_outputs=True, color="never")
    except auto.CommandError as error:
        raise said(progress.failure()[0] if progress.errors else str(error)) from None
    if data and client is not None and not joined:
        _remove_images(client, stack)
    kept = "its database and uploads are kept (make down DATA=delete removes them)"
    console.print(f"down; {'nothing of it is left' if data else kept}")


def _expect_alone(client: docker.DockerClient, config: Mapping[str, Any], stack_name: str) -> None:
    """Raises ``BadConfig`` where other stacks still have instances on this one's network."""
    app = json.loads(config.get("gateway:app") or "{}").get("name", "")
    stacks = {engine.stack_of(one).rpartition("/")[2] for one in engine.instances(client, app)}
    others = sorted(stacks - {stack_name.rpartition("/")[2]})
    if app and others:
        first = others[0]
        raise BadConfig(f"stack {', '.join(others)} has joined this site and needs it; way out: make down STACK={first} first")


def _remove_images(client: docker.DockerClient, stack: Stack) -> None:
    config, _ = stack.config()
    app = json.loads(config.get("gateway:app") or "{}").get("name")
    for repository in (f"gateway/{app}", f"gateway/{app}-dependencies"):
        for image in client.images.list(name=repository) if app else ():
            for tag in image.tags:
                client.images.remove(tag, force=True)
