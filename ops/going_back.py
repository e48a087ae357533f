"""The steps of ``make rollback``: find the way, tell it, make ready what is gone back to, move traffic, update."""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.prompt import Confirm

from ops import stack_config, updates, way
from ops.engines import Engine
from ops.errors import BadConfig, Failed
from ops.reading import Reading
from ops.recovery import clear_pending
from ops.up import base_images, check_target, end_rollback, reach, table, update
from ops.way import Way
from targets import choose as targets
from targets.common.errors import AgentError
from targets.observation import Observation
from targets.served import who


@dataclass(frozen=True)
class Wish:
    """What a person said to ``make rollback``."""

    to: int | None = None
    """Number of the update, None for the last one that served before the present."""
    keep_secrets: bool = False
    """Whether those of today stay."""
    ask: bool = True
    """Whether to ask where somebody can answer."""


def go(stack: Engine, known: Reading, console: Console, begun: float, wish: Wish) -> None:
    """All of it; ``begun`` is when the command began. Raises ``Stop``."""
    found, served = updates.known(known.state.result(), known.history.result())
    target = way.pick(found, served, wish.to)
    back = way.find(stack.name, known.rows.result(), target, found, served, keep_secrets=wish.keep_secrets)
    tell(back, stack.name, console)
    asked = wish.ask and sys.stdin.isatty()
    if asked and not Confirm.ask("go back?", default=True):
        raise BadConfig("nothing was changed")
    settings = back.plan.settings
    client = reach(stack, settings, console)
    observed = check_target(stack, settings, None if asked else back.seen)

    def begin() -> None:
        clear_pending(stack, client, settings.app.name, console)
        base_images(back.plan, client, console)

    outputs = run(stack, back, observed, begin, begun, console)
    end_rollback(stack, back.plan)
    kept = targets.standby(settings, outputs.get("hosts", {}))
    console.print(table(outputs, time.monotonic() - begun, kept, stack.label))
    for note in back.plan.notes:
        console.print(note)


def tell(back: Way, stack_name: str, console: Console) -> None:
    """What will come back and what will not, before anything is touched."""
    when = back.to.begun.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    console.print(f"stack {stack_name} goes back to update {back.to.number} of {when}{' by ' + back.to.by if back.to.by else ''}")
    console.print(f"  comes back: {', '.join(back.comes_back) or 'nothing: that serves already'}")
    console.print("  stays as it is: the database and what users have uploaded")


def run(
    stack: Engine, back: Way, observed: Observation, begin: Callable[[], None], begun: float, console: Console
) -> dict[str, Any]:
    """Config and hosts together: the config file is put back when the update ends before traffic has moved.

    The config is written before traffic moves, so that ``make up`` finishes a rollback that is killed. ``begin`` is what an
    update needs before it begins.
    """
    path = stack_config.file_of(stack)
    text = path.read_bytes()
    try:
        ahead(stack, back, observed, begun, console)
        begin()
        return update(stack, back.plan.settings, observed, console, f"rollback to update {back.to.number} (by {who()})")
    except BaseException as error:
        moved = targets.observe(back.plan.settings).live not in ("", observed.live)
        if not moved:
            stack_config.replace(path, text)
        if isinstance(error, Failed):
            end = (
                "traffic has gone back already; way out: make up finishes it" if moved else "it is as it was before the rollback"
            )
            raise Failed(f"{error}\n{path.name}: {end}.") from None
        raise


def ahead(stack: Engine, back: Way, observed: Observation, begun: float, console: Console) -> None:
    """What is gone back to has its traffic as soon as it can; the update that follows makes state and config agree. Raises
    ``Failed``; then traffic is where it was."""
    serving = back.to.serving
    assert serving is not None  # `pick` has seen to it
    with ThreadPoolExecutor(1) as beside:
        written = beside.submit(stack_config.write, stack, back.write)
        try:
            ready = targets.way_back(back.plan, f"gateway/{stack.name}", serving, observed, known=back.known)
            try:
                written.result()
            except BaseException:
                if ready:
                    ready.leave()
                raise
            if ready and (moved := ready.move()):
                console.print(f"  traffic is back on {moved} after {time.monotonic() - begun:.1f} s")
        except AgentError as error:
            raise Failed(f"{error}\nNothing was changed.") from None
