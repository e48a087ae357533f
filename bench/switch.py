"""What a switch between WSGI and ASGI costs: ours beside the practice of stop, start and reload, in turn, on this machine.

    python -m bench.switch [--switches 20] [--project DIR --stack dev | --private]

``--private`` deploys a copy of the project with its own name, state and port, and takes it away at the end; otherwise the site
of ``--project`` is switched, and left with the interface that it had. Exit status: 0 ours lost nothing, 1 it did, 3 something
that is needed is missing.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.lab import RESULTS, Missing, lab, machine
from bench.load import Load, Report
from bench.seed import Seed
from bench.site import OTHER, Site, default_project, opened, steady

LEAD = 2.0
TAIL = 3.0


@dataclass(frozen=True)
class Switch:
    """One switch under load."""

    way: str
    to: str
    seconds: float
    """How long the command took."""
    gap_ms: float
    gap_at: float
    """When the longest gap began, in seconds since the command's start."""
    sent: int
    failed: int
    kinds: dict[str, int]
    closed_idle: int
    unfinished: int
    answered: dict[str, int]
    load_average: float


def ours(site: Site) -> Switch:
    """Set the other interface, ``pulumi up``; the load goes on until the old instance has been drained and stopped."""
    to = OTHER[site.outputs()["interface"]]
    site.want(to)
    report, seconds = under(site.load(), site.up)
    if site.outputs()["interface"] != to:
        raise RuntimeError(f"asked for {to}, and {site.outputs()['interface']} serves")
    return _switch("ours", to, report, seconds)


def seed_practice(seed: Seed) -> Switch:
    """The same under the same load."""
    report, seconds = under(steady(f"http://{seed.address}", "localhost"), seed.switch)
    return _switch("stop, start, reload", seed.interface, report, seconds)


def under(load: Load, change: Callable[[], None]) -> tuple[Report, float]:
    """The change in the middle of the load, and how long it took."""
    with load:
        time.sleep(LEAD)
        began = load.mark("begin")
        change()
        ended = load.mark("end")
        time.sleep(TAIL)
    if load.report.errors:
        raise RuntimeError(f"the load client itself failed: {load.report.errors[0]}")
    return load.report, ended - began


def _switch(way: str, to: str, report: Report, seconds: float) -> Switch:
    return Switch(
        way=way,
        to=to,
        seconds=round(seconds, 2),
        gap_ms=report.longest_gap_ms,
        gap_at=round(report.longest_gap_at - report.marks["begin"], 2),
        sent=report.sent,
        failed=report.failed,
        kinds=report.failed_by_kind,
        closed_idle=report.closed_idle,
        unfinished=report.unfinished,
        answered={name: seen.count for name, seen in report.answers_by_interface.items()},
        load_average=round(os.getloadavg()[0], 2),
    )


def measure(site: Site, seed: Seed, count: int, console: Console) -> list[Switch]:
    """In turn, so that what else the machine does falls on both."""
    done: list[Switch] = []
    path = RESULTS / "switch.json"
    RESULTS.mkdir(exist_ok=True)
    about = machine()
    with path.open("w") as file:
        for number in range(count):
            for switch in (ours(site), seed_practice(seed)):
                done.append(switch)
                file.write(json.dumps({**about, **vars(switch)}) + "\n")
                file.flush()
                told = f"{switch.failed} of {switch.sent} failed, gap {switch.gap_ms:.0f} ms, {switch.seconds:.1f} s"
                console.print(f"{number + 1}: {switch.way} to {switch.to}: {told}", style="dim")
    return done


def show(done: list[Switch], console: Console) -> None:
    """The table."""
    table = Table(
        "way", "switches", "requests", "failed", "failed per switch", "gap ms median", "gap ms max", "idle closed", "command s"
    )
    for way in dict.fromkeys(switch.way for switch in done):
        mine = [switch for switch in done if switch.way == way]
        gaps = [switch.gap_ms for switch in mine]
        lost = [switch.failed for switch in mine]
        table.add_row(
            way,
            str(len(mine)),
            str(sum(switch.sent for switch in mine)),
            str(sum(lost)),
            f"{min(lost)} / {statistics.median(lost):.0f} / {max(lost)}",
            f"{statistics.median(gaps):.0f}",
            f"{max(gaps):.0f}",
            str(sum(switch.closed_idle for switch in mine)),
            f"{statistics.median(switch.seconds for switch in mine):.1f}",
        )
    console.print(table)


def main() -> int:
    """Measure, show, write ``results/switch.json`` (a line per switch)."""
    parser = argparse.ArgumentParser(prog="python -m bench.switch", description=__doc__)
    parser.add_argument("--switches", type=int, default=20, help="of each way")
    parser.add_argument("--project", type=Path, default=default_project())
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--private", action="store_true", help="a copy of its own instead of --project")
    parser.add_argument("--app", default="shop", help="whose newest release image serves the other way")
    args = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    try:
        with lab(args.app) as made, opened(args.project, args.stack, private=args.private) as site:
            done = measure(site, Seed.start(made), args.switches, console)
    except Missing as missing:
        console.print(f"skipped: {missing}")
        return 3
    show(done, console)
    return 1 if any(switch.failed for switch in done if switch.way == "ours") else 0


if __name__ == "__main__":
    sys.exit(main())
