"""``make history``: the stack's updates, newest first, in a table."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ops import changes, updates
from ops.engines import open_stack
from ops.updates import Update
from targets.served import Served

WIDE = 400
"""Columns of a table that no terminal shows: one line per update, for grep."""


def history(stack_name: str, console: Console, *, last: int) -> None:
    """Print the last updates: when, who, result, what served, what changed; and where a rollback would go."""
    stack = open_stack(stack_name, console)
    found, served = updates.read(stack)
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    if not found:
        console.print(f"stack {stack_name} has had no update yet; way on: make up STACK={stack_name}")
        return
    console.print(table(found, served, last))
    if len(found) > last:
        console.print(f"{len(found) - last} older ones: make history LAST={len(found)}")


def table(found: Sequence[Update], served: Sequence[Served], last: int) -> Table:
    """The table; ``found`` and ``served`` newest first."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="")
    for column in ("", "when", "who", "result", "interface", "server", "release", "instance"):
        shown.add_column(column, no_wrap=True)
    shown.add_column("what changed", overflow="fold")
    point = updates.rollback_point(found, served)
    serving = next((one for one in found if one.served), None)
    for update in found[:last]:
        now = update.serving if update.served else None
        mark = "serves" if update is serving else "rollback" if update is point else ""
        result = update.result if update.kind == "update" else f"{update.kind} {update.result}"
        shown.add_row(
            str(update.number),
            update.begun.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            update.by or "-",
            f"{result}{', ' + mark if mark else ''}",
            *((now.interface, now.server, now.release, now.instance) if now else ("-",) * 4),
            what_changed(found, update),
        )
    return shown


def what_changed(found: Sequence[Update], update: Update) -> str:
    """In words, against what served before it."""
    if update.kind != "update":
        return ""
    before = next((one for one in found if one.number < update.number and one.served), None)
    if before is None or before.serving is None:
        return "first start" if update.served else "never started"
    parts = changes.in_words(
        before.config,
        update.config,
        served_before=before.serving,
        served_after=update.serving if update.served else None,
        secret=before.secret | update.secret,
        hidden=before.unreadable | update.unreadable,
    )
    to = updates.gone_back_to(found, update)
    back = f"rollback to update {to.number}: " if to else ""
    return back + (", ".join(parts) or ("nothing in the config" if not update.served else "nothing"))
