"""A step on one host or several as a Pulumi Command: what is called is in plain sight, what it is about goes in on stdin.

``local.Command`` with the OpenSSH client, not ``remote.Command``: that one keeps every connection until the provider exits, would
hold archives in state, cannot put hosts back when another fails, and has no words of ours for a login that is refused.
"""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pulumi
from pulumi_command import local

from targets.docker.commands import relative
from targets.host.client.connection import Connection

CLIENT = Path(__file__).with_name("client")


def label(host: Connection) -> str:
    """Part of logical names: what the config calls the host."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", host.name)


def command(
    name: str,
    verb: str,
    hosts: Sequence[Connection],
    request: pulumi.Input[str],
    parent: pulumi.Resource,
    *,
    delete: str | None = None,
    after: Sequence[pulumi.Resource] = (),
    once: bool = False,
    observed: str = "",
    rolling: int = 1,
) -> local.Command:
    """Run ``verb`` on create and on update, ``delete`` (if any) on delete, each for these hosts and with ``request`` (JSON).

    Every step may be repeated; another login key or a rebuilt host repeats it. ``once``: but this one is not, since what it did
    is not a host's (a migration). ``observed``: what is wrong right now; a new text makes the engine run the step again.
    """
    connections = [asdict(host) for host in hosts]

    def text(value: str) -> str:
        return json.dumps({"hosts": connections, "rolling": rolling, "request": json.loads(value)})

    stdin: pulumi.Output[str] = pulumi.Output.secret(pulumi.Output.from_input(request).apply(text))
    ignored = ["interpreter", *(["stdin"] if once else []), *([] if observed else ["environment"])]
    return local.Command(
        name,
        interpreter=[relative(sys.executable), relative(str(CLIENT))],
        create=verb,
        delete=delete,
        stdin=stdin,
        environment={"GATEWAY_OBSERVED": observed} if observed else None,
        logging=local.Logging.NONE,
        opts=pulumi.ResourceOptions(
            parent=parent, depends_on=list(after), ignore_changes=ignored, additional_secret_outputs=["stderr"]
        ),
    )
