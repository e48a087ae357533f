"""``python -m bench.load``: a load from the command line. Exit status: 0 nothing failed, 1 something did, 2 wrong use."""

import argparse
import json
import subprocess
import sys
import time
from urllib.parse import urlsplit, urlunsplit

from bench.load.background import Load
from bench.load.options import Origin
from bench.load.report import Report


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description="A steady load that counts what a switch costs.")
    add = parser.add_argument
    add("--url", action="append", required=True, metavar="[WEIGHT:]URL", help="address to GET; again for more, of one site")
    add("--host", help="Host header (default: from the URL)")
    add("--rate", type=float, default=100, help="GETs per second (default %(default)s)")
    add("--clients", type=int, default=16, help="kept connections, and as many clients with new ones (default %(default)s)")
    add("--post-rate", type=float, default=0, help="POSTs per second (default %(default)s)")
    add("--post-path", default="/echo/", help="answers JSON with the body's sha256 (default %(default)s)")
    for name, what in (
        ("slow", "slow requests always in flight"),
        ("websockets", "WebSocket clients"),
        ("sse", "readers of server-sent events"),
        ("idle", "kept connections on which nothing is sent"),
    ):
        add(f"--{name}", type=int, default=0, metavar="N", help=f"{what} (default 0)")
    add("--slow-path", default="/slow/?seconds=3", help="default %(default)s")
    add("--ws-path", default="/ws/echo/", help="default %(default)s")
    add("--sse-path", default="/events/", help="default %(default)s")
    add("--timeout", type=float, default=10, metavar="S", help="for one request (default %(default)s)")
    add("--duration", type=float, default=10, metavar="S", help="without --run (default %(default)s)")
    add("--run", metavar="CMD", help="shell command to run under the load; its output goes to standard error")
    add("--run-at", type=float, default=2, metavar="S", help="when to start it (default %(default)s)")
    add("--tail", type=float, default=3, metavar="S", help="the load ends so long after the command (default %(default)s)")
    add("--json", action="store_true", help="print the whole report as JSON")
    return parser


def _targets(urls: list[str]) -> tuple[str, dict[str, float]]:
    """Base URL, and path -> weight."""
    base, paths = "", dict[str, float]()
    for text in urls:
        weight, colon, rest = text.partition(":")
        weighted = bool(colon) and weight.replace(".", "", 1).isdigit()
        url = urlsplit(rest if weighted else text)
        origin = urlunsplit((url.scheme, url.netloc, "", "", ""))
        if base not in ("", origin):
            raise ValueError(f"--url: got {base} and {origin}, takes addresses of one site")
        base = origin
        paths[urlunsplit(("", "", url.path or "/", url.query, ""))] = float(weight) if weighted else 1.0
    return base, paths


def _load(load: Load, args: argparse.Namespace) -> tuple[Report, int | None]:
    status = None
    with load:
        if args.run:
            time.sleep(args.run_at)
            load.mark("command_start")
            status = subprocess.run(args.run, shell=True, stdout=sys.stderr, check=False).returncode
            load.mark("command_end")
        time.sleep(args.tail if args.run else args.duration)
    return load.report, status


def main(argv: list[str] | None = None) -> int:
    """Parse, load, print."""
    parser = _parser()
    args = parser.parse_args(argv)
    names = ("host", "rate", "clients", "post_rate", "post_path", "slow", "slow_path", "websockets", "ws_path", "sse", "sse_path")
    try:
        base, paths = _targets(args.url)
        given = {name: getattr(args, name) for name in (*names, "idle", "timeout")}
        load = Load(base_url=base, paths=paths, **given)
        Origin.of(load)
    except ValueError as error:
        parser.error(str(error))
    report, status = _load(load, args)
    print(json.dumps({**report.as_dict(), "command_status": status}, indent=2) if args.json else report.summary())
    return 1 if report.failures or report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
