"""A step of the agent as a Pulumi Command: what is called is in plain sight, what it is about goes in on standard input."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pulumi
from pulumi_command import local

AGENT = Path(__file__).with_name("agent")


def relative(path: str) -> str:
    """``path`` as seen from the project's folder when it is below it: another clone has the same text in its state."""
    inside = os.path.relpath(path)
    return path if inside.startswith("..") else inside


def command(
    name: str,
    verb: str,
    request: pulumi.Input[str],
    parent: pulumi.Resource,
    *,
    delete: str | None = None,
    after: Sequence[pulumi.Resource] = (),
    immutable: bool = False,
    observed: str = "",
) -> local.Command:
    """Run ``verb`` on create and on update, ``delete`` (if any) on delete, each with ``request`` (JSON) on standard input.

    ``immutable``: what it makes is named by its content, so a changed request is the same thing. ``observed``: what is wrong
    with the thing right now; a new text makes the engine run the step again, and when all is well the last one is left as it
    is. Logs stay out of Pulumi's display: a failure repeats them, redacted.
    """
    ignored = ["stdin", "interpreter"] if immutable else []
    return local.Command(
        name,
        interpreter=[relative(sys.executable), relative(str(AGENT))],
        create=verb,
        delete=delete,
        stdin=request,
        environment={"GATEWAY_OBSERVED": observed} if observed else None,
        logging=local.Logging.NONE,
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=list(after),
            ignore_changes=ignored if observed else [*ignored, "environment"],
            additional_secret_outputs=["stderr"],
        ),
    )
