"""An update with nothing to do, on the Pulumi CLI and on the embedded engine: the same program, the same state, in turn.

    python -m bench.engines [--count 5] [--project DIR --stack dev | --private] [--hosts 100]

Exit status: 0 the embedded engine takes at most a quarter of the CLI's time and 100 hosts less than 2 s; 1 not; 3 something
that is needed is missing.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.hosts import no_op_seconds
from bench.lab import RESULTS, Missing, machine
from bench.site import Site, default_project, opened

QUARTER, HOSTS_SECONDS = 0.25, 2.0
ENGINES = ("pulumi", "embedded")


def up(site: Site, engine: str) -> float:
    """Seconds of ``python -m ops up`` with nothing to do."""
    begun = time.monotonic()
    done = subprocess.run(
        [str(site.project / ".venv/bin/python"), "-m", "ops", "up", "--stack", site.stack],
        cwd=site.project,
        env={**site.env, "ENGINE": engine},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or "nothing to do" not in done.stdout:
        raise Missing(f"{engine}: an update had something to do, or failed: {done.stdout[-500:]}{done.stderr[-500:]}")
    return time.monotonic() - begun


def measure(site: Site, count: int, console: Console) -> dict[str, list[float]]:
    """Both engines in turn, so that a busy machine is busy for both."""
    found: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    site.up()
    for number in range(count):
        for engine in ENGINES:
            found[engine].append(up(site, engine))
        console.print(f"{number + 1}: {', '.join(f'{engine} {times[-1]:.1f} s' for engine, times in found.items())}", style="dim")
    return found


def main() -> int:
    """Measure, show, write ``results/engines.json`` (a line per kind)."""
    parser = argparse.ArgumentParser(prog="python -m bench.engines", description=__doc__)
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--project", type=Path, default=default_project())
    parser.add_argument("--stack", default="dev")
    parser.add_argument("--private", action="store_true", help="a copy of its own instead of --project")
    args = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    about = machine()
    many = {
        f"embedded, nothing to do on {number} hosts (drivers stubbed)": no_op_seconds(number)
        for number in (args.hosts // 4, args.hosts)
    }
    try:
        with opened(args.project, args.stack, private=args.private) as site:
            found = measure(site, args.count, console)
    except Missing as missing:
        console.print(f"skipped: {missing}")
        return 3
    whole = {f"ops up with nothing to do, {engine}": times for engine, times in found.items()} | {k: [v] for k, v in many.items()}
    table = Table("what", "n", "median s", "min", "max")
    for what, seconds in whole.items():
        table.add_row(
            what, str(len(seconds)), *(f"{value:.2f}" for value in (statistics.median(seconds), min(seconds), max(seconds)))
        )
    ratio = statistics.median(found["embedded"]) / statistics.median(found["pulumi"])
    console.print(table)
    console.print(f"embedded / Pulumi CLI: {ratio:.2f} (at most {QUARTER})")
    RESULTS.mkdir(exist_ok=True)
    lines = [{**about, "what": what, "seconds": [round(value, 2) for value in seconds]} for what, seconds in whole.items()]
    (RESULTS / "engines.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return 0 if ratio <= QUARTER and list(many.values())[-1] < HOSTS_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
