"""``make rollback``: the config of an earlier update comes back, with its kept release, by one ordinary ``pulumi up``."""

import time

from rich.console import Console

from ops import config_file, reading
from ops.engines import open_stack


def rollback(stack_name: str, console: Console, *, to: int | None, secrets: str, yes: bool) -> None:
    """Go back to update ``to``, or to the last one that served before the present. Raises ``Stop``; then nothing has changed.

    ``secrets``: ``restore``, or ``today`` where those of then cannot be read, or would not do, any more. Asks on a terminal
    unless ``yes``.
    """
    begun = time.monotonic()
    stack = open_stack(stack_name, console)
    if config_file.ensure(stack):
        console.print(f"{config_file.path_of(stack.workspace.root, stack.name).name} was not here: it is as of the last update")
    known = reading.begin(stack)
    from ops import going_back  # its import takes as long as Pulumi takes to answer

    going_back.go(stack, known, console, begun, going_back.Wish(to=to, keep_secrets=secrets == "today", ask=not yes))
