"""How long ``pulumi up`` takes: with nothing to do, and for a switch; beside a Pulumi program that has no resources.

python -m bench.times [--count 5] [--project DIR --stack dev | --private]
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.lab import RESULTS, Missing, machine
from bench.site import OTHER, Site, default_project, opened

BARE = f"""\
name: bare
runtime:
  name: python
  options:
    virtualenv: {sys.prefix}
"""


@contextmanager
def bare() -> Iterator[Site]:
    """A Pulumi program without resources: what any ``pulumi up`` costs here."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-bare-") as folder:
        Path(folder, "Pulumi.yaml").write_text(BARE)
        Path(folder, "__main__.py").write_text("import pulumi\n")
        Path(folder, "state").mkdir()
        own = {
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "bench",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        site = Site(Path(folder), "bare", {**os.environ, **own})
        site.pulumi("stack", "init")
        site.up()
        yield site


def took(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def switch(site: Site) -> tuple[float, float]:
    """Seconds until the new interface answers for the first time, and until ``up`` is done (the old instance stopped)."""
    to = OTHER[site.outputs()["interface"]]
    site.want(to)
    load = site.load(rate=40, post_rate=0, idle=0)
    with load:
        began = load.mark("begin")
        site.up()
        ended = load.mark("end")
    return load.report.answers_by_interface[to].first - began, ended - began


def measure(site: Site, count: int, console: Console) -> dict[str, list[float]]:
    """All kinds in turn."""
    bare_up, no_op = "pulumi up, bare program", "pulumi up, nothing to do"
    answers, whole = "switch: until the new interface answers", "switch: whole pulumi up"
    found: dict[str, list[float]] = {bare_up: [], no_op: [], answers: [], whole: []}
    site.up()
    with bare() as nothing:
        for number in range(count):
            found[bare_up].append(took(nothing.up))
            found[no_op].append(took(site.up))
            first, done = switch(site)
            found[answers].append(first)
            found[whole].append(done)
            console.print(f"{number + 1}: {', '.join(f'{times[-1]:.1f} s' for times in found.values())}", style="dim")
    return found


def main() -> int:
    """Measure, show, write ``results/times.json`` (a line per kind)."""
    parser = argparse.ArgumentParser(prog="python -m bench.times", description=__doc__)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--project", type=Path, default=default_project())
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--private", action="store_true", help="a copy of its own instead of --project")
    args = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    about = machine()
    try:
        with opened(args.project, args.stack, private=args.private) as site:
            found = measure(site, args.count, console)
    except Missing as missing:
        console.print(f"skipped: {missing}")
        return 3
    table = Table("what", "n", "median s", "min", "max")
    for what, seconds in found.items():
        table.add_row(
            what, str(len(seconds)), *(f"{value:.1f}" for value in (statistics.median(seconds), min(seconds), max(seconds)))
        )
    console.print(table)
    RESULTS.mkdir(exist_ok=True)
    lines = [{**about, "what": what, "seconds": [round(value, 2) for value in seconds]} for what, seconds in found.items()]
    (RESULTS / "times.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
