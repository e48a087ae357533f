"""``make status``: how the stack does, in a table or as JSON; once or again and again."""

from typing import Any

from rich.console import Console
from rich.live import Live

from ops import noted, sight, status_table
from ops.engines import Engine, open_stack

EVERY_SECONDS = 2.0


def status(stack_name: str, console: Console, *, json: bool, watch: bool) -> int:
    """Print it. Returns the exit status: 0 all is well, 1 something is wrong. Raises ``Stop``."""
    stack = open_stack(stack_name, Console(stderr=True))
    if watch:
        return _watch(stack, console, json=json)
    seen = sight.open_watch(stack)
    told = seen.look()
    sight.expect_reachable(told)
    noted.note(seen.settings.app.name, [] if told["lock"] else sight.findings(told))
    if json:
        print(sight.as_json(told))
    else:
        console.print(status_table.shown(told), soft_wrap=False)
    return 0 if told["ok"] else 1


def _watch(stack: Engine, console: Console, *, json: bool) -> int:
    """Until Ctrl-C."""
    seen = sight.open_watch(stack, every=EVERY_SECONDS)
    told: dict[str, Any] = {"ok": True}
    try:
        if json or not console.is_terminal:
            while True:
                told = seen.look()
                print(sight.as_line(told), flush=True)
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                told = seen.look()
                live.update(status_table.shown(told), refresh=True)
                seen = _again(seen, told)
    except (KeyboardInterrupt, BrokenPipeError):
        return 0 if told["ok"] else 1
    finally:
        seen.eyes.close()


def _again(seen: sight.Watch, told: dict[str, Any]) -> sight.Watch:
    """The state is read again once traffic is on an instance that it did not know."""
    live = {host.get("live") for host in told["hosts"]} - {None, ""}
    if told["lock"] or not live or (told["serving"] and live == {told["serving"]["instance"]}):
        return seen
    return seen.again()
