"""Requests per second through Nginx: ours beside the article's stacks and one tuned by hand.

    python -m bench.throughput [--app shop] [--rounds 3] [--seconds 5] [--only ac] [--pages /sync/ /]

Exit status: 0 all targets reached, 1 one missed, 3 something that is needed is missing (wrk, Docker, a release image).
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.table import Table

from bench import cpu, stacks
from bench.lab import RESULTS, Lab, Missing, lab, machine
from bench.wrk import await_page, wrk
from rendering import envfile
from rendering.nginx import ProxySpec, configuration
from rendering.servers import ServerSpec, argv
from settings.model import Interface, Server
from targets.docker.names import BROUGHT

PAGES = {
    "/sync/": "a view that only answers",
    "/": "a list from the database through a template",
    "/async/": "a view that waits 50 ms for others",
}
EVEN = 0.95
"""Where the processors are busy in the view and in gunicorn itself, no way to reach them can win much: it must not lose."""
TARGETS = {
    "/sync/": (("a", "b", EVEN), ("a", "c", EVEN), ("d", "e", 1.8)),
    "/": (("a", "b", EVEN), ("a", "c", EVEN), ("d", "e", 1.8)),
    "/async/": (("a", "b", 1.3), ("a", "c", EVEN)),
}
"""Ours, the other, how many times as many requests a second. One process of ASGI waits as well as three."""


@dataclass(frozen=True)
class Stack:
    """One way to serve the same page."""

    letter: str
    what: str
    build: Callable[[Lab], str]
    """Starts it; returns the Nginx container."""


def _ours(letter: str, interface: Interface, server: Server) -> Callable[[Lab], str]:
    def build(made: Lab) -> str:
        sockets = made.volume(f"{letter}-sockets")
        told = {
            "GATEWAY_INTERFACE": interface,
            "GATEWAY_INSTANCE": "bench",
            "GATEWAY_ENTRY_POINT": f"shop.{interface}:application",
        }
        env = made.folder / f"{letter}.env"
        env.write_text(envfile.render({**made.variables, **told}))
        env.chmod(0o644)
        entry = "gateway_entry:application"
        spec = ServerSpec(interface=interface, server=server, entry_point=entry, workers=3, options={})
        inside = ["python3", "/gateway/inside.py", "serve", "/run/gateway/bench.sock", "/bench.env", "--", *argv(spec)]
        mounts = [f"{sockets}:/run/gateway", f"{env}:/bench.env:ro", *(f"{path}:/gateway/{path.name}:ro" for path in BROUGHT)]
        app = made.app(f"{letter}-app", inside, *(part for mount in mounts for part in ("--volume", mount)))
        subprocess.run(
            ["docker", "exec", app, "python3", "/gateway/inside.py", "switch", "/run/gateway/live.sock", "bench.sock"],
            check=True,
            capture_output=True,
        )
        proxy = ProxySpec(
            domains=("localhost",), live_socket="/run/gateway/live.sock", static_root="/srv/static", media_root="/srv/media"
        )
        return made.proxy(f"{letter}-nginx", configuration(proxy), "--volume", f"{sockets}:/run/gateway")

    return build


def _article(letter: str, text: str, command: list[str]) -> Callable[[Lab], str]:
    def build(made: Lab) -> str:
        proxy = made.proxy(f"{letter}-nginx", text)
        made.app(f"{letter}-app", command, "--network", f"container:{proxy}")
        return proxy

    return build


def _tuned(made: Lab) -> str:
    sockets = made.volume("c-sockets")
    made.app("c-app", stacks.GUNICORN_TUNED, "--volume", f"{sockets}:/sockets")
    return made.proxy("c-nginx", stacks.TUNED, "--volume", f"{sockets}:/sockets")


STACKS = (
    Stack("a", "ours, wsgi (gunicorn gthread, 3 x 4, unix socket)", _ours("a", "wsgi", "gunicorn")),
    Stack("b", "article, wsgi (gunicorn sync, 3, TCP)", _article("b", stacks.ARTICLE_WSGI, stacks.GUNICORN_SYNC)),
    Stack("c", "tuned by hand, wsgi (gunicorn gthread, 3 x 4, unix socket)", _tuned),
    Stack("d", "ours, asgi (uvicorn, 3 workers, unix socket)", _ours("d", "asgi", "uvicorn")),
    Stack("e", "article, asgi (uvicorn, 1 process, TCP)", _article("e", stacks.ARTICLE_ASGI, stacks.UVICORN_SINGLE)),
)


@dataclass(frozen=True)
class Run:
    """One run of wrk."""

    stack: str
    page: str
    round: int
    per_second: float
    p99: str
    errors: int
    """Answers that are not 2xx or 3xx, and socket errors."""
    app_ms: float
    """Processor time of the app's processes for one request."""
    proxy_ms: float
    """The same of Nginx."""
    foreign: float
    """Share of the machine that others took meanwhile."""


def measure(made: Lab, chosen: list[Stack], args: argparse.Namespace, console: Console, results: TextIO) -> list[Run]:
    """All stacks up, then page by page and round by round in turn."""
    addresses = {stack.letter: made.address(stack.build(made)) for stack in chosen}
    runs: list[Run] = []
    for page in args.pages:
        urls = {letter: f"http://{address}{page}" for letter, address in addresses.items()}
        lengths = {letter: await_page(url) for letter, url in urls.items()}
        if len(set(lengths.values())) > 1:
            raise RuntimeError(f"the stacks serve different pages: {lengths}")
        for url in urls.values():
            wrk(url, 1, args.connections)
        # Only now: gunicorn and uvicorn may start their workers anew under the first load.
        meters = {
            letter: cpu.Meter(cpu.container(made.name(f"{letter}-app")), cpu.container(made.name(f"{letter}-nginx")))
            for letter in urls
        }
        runs += rounds(page, chosen, urls, meters, args, console, results)
    return runs


def rounds(
    page: str,
    chosen: list[Stack],
    urls: dict[str, str],
    meters: dict[str, cpu.Meter],
    args: argparse.Namespace,
    console: Console,
    results: TextIO,
) -> list[Run]:
    """Until each stack has enough runs that nothing else on the machine disturbed.

    Whether a run counts is decided by what others used of the processors, never by its result; all runs are written down.
    """
    runs: list[Run] = []
    about, turn = machine(), 0
    while turn < 4 * args.rounds and any(len(quiet(runs, stack.letter, args.limit)) < args.rounds for stack in chosen):
        order = chosen if turn % 2 == 0 else chosen[::-1]
        turn += 1
        for stack in order:
            cpu.await_quiet(args.limit, 30)
            run = once(stack.letter, page, turn, urls[stack.letter], meters[stack.letter], args)
            runs.append(run)
            line = {**vars(run), **about, "connections": args.connections, "seconds": args.seconds}
            results.write(json.dumps(line) + "\n")
            results.flush()
            cost = f"cpu per request: app {run.app_ms} ms, nginx {run.proxy_ms} ms"
            console.print(f"{page} {turn}: {stack.letter} {run.per_second:.0f}/s, {cost}, others {run.foreign:.0%}", style="dim")
    return runs


def once(letter: str, page: str, turn: int, url: str, meter: cpu.Meter, args: argparse.Namespace) -> Run:
    """One run of wrk and what it cost."""
    meter.start()
    rate, p99, errors = wrk(url, args.seconds, args.connections)
    meter.stop()
    total = max(rate * args.seconds, 1)
    app, proxy = (round(seconds / total * 1000, 3) for seconds in (meter.app_seconds, meter.proxy_seconds))
    return Run(letter, page, turn, rate, p99, errors, app, proxy, meter.foreign)


def quiet(runs: list[Run], letter: str, limit: float) -> list[Run]:
    """Those runs of a stack that nothing else on the machine disturbed."""
    return [run for run in runs if run.stack == letter and run.foreign <= limit]


def show(page: str, chosen: list[Stack], runs: list[Run], args: argparse.Namespace, console: Console) -> bool:
    """The table of one page; whether every target was reached, by enough undisturbed runs and without an error."""
    table = Table(
        "",
        "stack",
        "requests/s",
        "min",
        "max",
        "p99",
        "app ms",
        "nginx ms",
        "runs",
        "disturbed",
        "errors",
        title=f"{page}: {PAGES.get(page, page)}",
    )
    medians: dict[str, float] = {}
    good = not any(run.errors for run in runs)
    for stack in chosen:
        every = [run for run in runs if run.stack == stack.letter]
        mine = quiet(runs, stack.letter, args.limit)
        if len(mine) < args.rounds:
            console.print(
                f"{stack.letter}: only {len(mine)} undisturbed runs of {args.rounds}: this measures the machine's other work"
            )
            good, mine = False, every
        rates = [run.per_second for run in mine]
        medians[stack.letter] = statistics.median(rates)
        numbers = [f"{number:.0f}" for number in (medians[stack.letter], min(rates), max(rates))]
        costs = [f"{statistics.median(cost):.2f}" for cost in ([run.app_ms for run in mine], [run.proxy_ms for run in mine])]
        p99 = sorted(mine, key=lambda run: run.per_second)[len(mine) // 2].p99
        counts = [str(len(mine)), str(len(every) - len(mine)), str(sum(run.errors for run in every))]
        table.add_row(stack.letter, stack.what, *numbers, p99, *costs, *counts)
    console.print(table)
    for ours, other, target in TARGETS.get(page, ()):
        if ours in medians and other in medians:
            ratio = medians[ours] / medians[other]
            good = good and ratio >= target
            console.print(f"{ours}/{other} = {ratio:.2f}, target {target}: {'reached' if ratio >= target else 'MISSED'}")
    return good


def main() -> int:
    """Build, measure, show, write ``results/throughput.json`` (a line per run)."""
    parser = argparse.ArgumentParser(prog="python -m bench.throughput", description=__doc__)
    parser.add_argument("--app", default="shop")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--limit", type=float, default=0.1, help="a run counts if others took no more of the machine than this")
    parser.add_argument("--pages", nargs="+", default=list(PAGES), help="paths to ask for, page by page")
    parser.add_argument("--only", default="abcde", help="letters of the stacks to run")
    args = parser.parse_args()
    console = Console(width=150 if not sys.stdout.isatty() else None)
    if not shutil.which("wrk") or not shutil.which("docker"):
        console.print("skipped: wrk or docker is not on PATH (apt-get install wrk)")
        return 3
    chosen = [stack for stack in STACKS if stack.letter in args.only]
    RESULTS.mkdir(exist_ok=True)
    try:
        with lab(args.app) as made, (RESULTS / "throughput.json").open("w") as results:
            runs = measure(made, chosen, args, console, results)
    except Missing as missing:
        console.print(f"skipped: {missing}")
        return 3
    # Every page is shown, whichever of them misses a target.
    reached = [show(page, chosen, [run for run in runs if run.page == page], args, console) for page in args.pages]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
