"""How long going back takes, from the command until the old release answers: without and with a standby, beside doing it by hand.

    python -m bench.rollback [--count 5]

By hand is what the articles say: stop the new server, start the old one, put the old Nginx file back, reload. A private copy of
the project is deployed and taken away again. Exit status: 0 no request of ours was lost, 1 one was, 3 something is missing.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.lab import RESULTS, Missing, lab, machine
from bench.load.report import Failure, Report
from bench.seed import Seed
from bench.site import steady
from bench.switch import under
from bench.times import bare
from tests.deployment import Deployment


@dataclass(frozen=True)
class Return:
    """One way back, under load."""

    way: str
    first: float
    """Seconds from the command until the old release answered for the first time."""
    whole: float
    """Seconds until the command was done."""
    sent: int
    failures: tuple[Failure, ...] = ()

    @property
    def failed(self) -> int:
        """How many requests."""
        return len(self.failures)

    @property
    def told(self) -> str:
        """In words; where little failed, what it was and when, from the command on."""
        few = ", ".join(f"{one.method} {one.path}: {one.kind} at {one.t:.2f} s" for one in self.failures[:5])
        end = f"{self.failed} failed{f' ({few})' if 0 < self.failed < 5 else ''}"
        return f"{self.way}: {self.first:.1f} s until the old one answers, {self.whole:.1f} s in all, {end}"


def ours(site: Deployment, number: int, *, standby: bool) -> Return:
    """A release of another interface is deployed, and gone back from."""
    site.config |= {"standby": standby, "env": {"ROUND": f"{number} {standby}"}, "interface": "wsgi"}
    _must(site.up())
    old = site.health()["instance"]
    (site.source / "store/static/store/note.txt").write_text(f"{number} {standby}")
    site.config["interface"] = "asgi"
    _must(site.up())
    report, whole = under(steady(site.url, "localhost"), lambda: _must(site.rollback()))
    if site.health()["instance"] != old:
        raise RuntimeError(f"{old} was gone back to, and {site.health()['instance']} serves")
    way = "make rollback, with standby" if standby else "make rollback"
    first = _first_after(report.answers_by_instance[old].first, report.marks["begin"])
    return Return(way, first, round(whole, 2), report.sent, _since(report))


def by_hand(seed: Seed) -> Return:
    """To the other server and back; the way back is what counts."""
    seed.switch()
    report, whole = under(steady(f"http://{seed.address}", "localhost"), seed.switch)
    first = _first_after(report.answers_by_interface[seed.interface].first, report.marks["begin"])
    return Return("by hand: stop, start, reload", first, round(whole, 2), report.sent, _since(report))


def _since(report: Report) -> tuple[Failure, ...]:
    return tuple(one._replace(t=round(one.t - report.marks["begin"], 3)) for one in report.failures)


def _first_after(first: float, begin: float) -> float:
    return round(first - begin, 2)


def _must(result: object) -> None:
    if getattr(result, "status", 1) != 0:
        raise RuntimeError(str(getattr(result, "text", result))[-2000:])


def measure(count: int, seed: Seed, console: Console) -> tuple[list[Return], list[float]]:
    """All ways in turn; and what a Pulumi program without resources takes under the same load: the engine's own start-up."""
    done: list[Return] = []
    engine: list[float] = []
    with tempfile.TemporaryDirectory(prefix="gateway-bench-site-") as folder, bare() as nothing:
        site = Deployment(Path(folder, "gateway"), f"gwback{os.getpid()}")
        site.config["drainSeconds"] = 5
        try:
            for number in range(count):
                for one in (ours(site, number, standby=False), ours(site, number, standby=True), by_hand(seed)):
                    done.append(one)
                    console.print(f"{number + 1}: {one.told}", style="dim")
                engine.append(round(under(steady(site.url, "localhost"), nothing.up)[1], 2))
        finally:
            site.ops("down", "--data", "delete")
    return done, engine


def show(done: list[Return], engine: list[float], console: Console) -> None:
    """The table."""
    table = Table("way", "n", "old one answers, s", "min", "max", "whole command, s", "requests", "failed")
    for way in dict.fromkeys(one.way for one in done):
        mine = [one for one in done if one.way == way]
        first = [one.first for one in mine]
        table.add_row(
            way,
            str(len(mine)),
            *(f"{value:.1f}" for value in (statistics.median(first), min(first), max(first))),
            f"{statistics.median(one.whole for one in mine):.1f}",
            str(sum(one.sent for one in mine)),
            str(sum(one.failed for one in mine)),
        )
    console.print(table)
    console.print(
        f"the engine's own start-up (an update without resources, under the same load): {statistics.median(engine):.1f} s"
    )


def main() -> int:
    """Measure, show, write ``results/rollback.json`` (a line per way back)."""
    parser = argparse.ArgumentParser(prog="python -m bench.rollback", description=__doc__)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--app", default="shop", help="whose newest release image is served by hand")
    args = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    about = machine()
    try:
        with lab(args.app) as made:
            done, engine = measure(args.count, Seed.start(made), console)
    except Missing as missing:
        console.print(f"skipped: {missing}")
        return 3
    show(done, engine, console)
    RESULTS.mkdir(exist_ok=True)
    lines = [{**about, **vars(one), "failed": one.failed, "engine": statistics.median(engine)} for one in done]
    (RESULTS / "rollback.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return 1 if any(one.failed for one in done if one.way.startswith("make")) else 0


if __name__ == "__main__":
    sys.exit(main())
