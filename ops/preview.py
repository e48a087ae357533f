"""``make preview``: what an update would make, switch and take away, and why."""

from rich.console import Console

from ops.cli import said
from ops.engines import UpdateFailed, open_stack
from ops.errors import BadConfig, Failed
from ops.progress import Progress
from ops.up import check_config, check_target


def preview(stack_name: str, console: Console) -> None:
    """Nothing is touched. Raises ``Stop`` with the message and status of the contract."""
    stack = open_stack(stack_name, console)
    stack.open()
    planned = check_config(stack, console)
    check_target(stack, planned.settings)
    progress = Progress(console, preview=True)
    try:
        stack.preview(progress)
    except UpdateFailed as error:
        if not progress.errors:
            raise said(str(error)) from None
        message, in_config = progress.failure()
        raise (BadConfig if in_config else Failed)(message) from None
    steps = f"{progress.changed} steps" if progress.changed != 1 else "1 step"
    console.print(
        f"{steps}; nothing was touched" if progress.changed else "nothing to do: what serves is what the config asks for"
    )
