"""``make report``: the stack on one self-contained HTML page."""

import os
from datetime import datetime
from pathlib import Path

from rich.console import Console

from ops import report_page, sight
from ops.engines import open_stack
from ops.errors import Missing


def report(stack_name: str, console: Console, *, out: Path | None, last: int) -> None:
    """Write the page and tell where it is; ``last`` switches are looked at closely. Raises ``Stop``."""
    stack = open_stack(stack_name, Console(stderr=True))
    seen = sight.open_watch(stack)
    told = seen.look()
    sight.expect_reachable(told)
    moments = [datetime.fromisoformat(one.at.replace("Z", "+00:00")).timestamp() for one in seen.served[:last]]
    around = seen.eyes.around(moments)
    path = out or stack.workspace.root / ".gateway" / f"report-{stack_name}.html"
    text = report_page.page(told, seen.found, seen.served, around, last=last)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise Missing(f"{path} cannot be written ({error.strerror}); way out: OUT=<file in a folder of yours>") from None
    console.print(f"report: {path}")
