"""Times, failed requests and logins of the ways to deploy to hosts, and how long going back takes.

python -m bench.peers [--hosts 1 4] [--count 3]
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.lab import RESULTS, machine
from bench.linux import linux
from bench.load import Load
from bench.peers.ways import Ansible, ByHand, Ours, OursWithStandby, Peer, Pyinfra, Way
from tests.hosting import HostDeployment
from tests.live.hosts import TestHost

OTHER = {"wsgi": "asgi", "asgi": "wsgi"}
SECRET = "bench-key-with-many-characters-and-no-meaning-0123456789"


@contextmanager
def lab(number: int) -> Iterator[tuple[list[TestHost], HostDeployment, list[Way]]]:
    """Hosts, our site on them, and the ways with all that they need."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder, linux(number, Path(folder)) as (hosts, database):
        site = HostDeployment(Path(folder, "ours"), "bench", hosts, database=database.url("bench"))
        site.must_up(rolling=number)
        venv = hosts[0].sh("ls -d /srv/bench/venvs/*").split()[0]
        env = {
            "DJANGO_SETTINGS_MODULE": "shop.settings",
            "DATABASE_URL": database.url("peer"),
            "SECRET_KEY": SECRET,
            "ALLOWED_HOSTS": "peer.example",
        }
        peers: list[Peer] = []
        for kind in (Ansible, Pyinfra, ByHand):
            work = Path(folder, kind.name.replace(" ", "-"))
            work.mkdir()
            peer = kind(hosts, work, venv, env)
            peer.prepare(site.source)
            peers.append(peer)
        yield hosts, site, [*peers, Ours(site), OursWithStandby(site)]


def seconds(action: Callable[[], object]) -> float:
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def answering(way: Way, hosts: list[TestHost], interface: str, action: Callable[[], object]) -> tuple[float, float]:
    """Seconds until every host answers with that interface, and until the tool is done."""
    first: dict[str, float] = {}
    begun, stop = time.monotonic(), threading.Event()

    def watch(address: str) -> None:
        while not stop.is_set() and address not in first:
            try:
                told = httpx.get(f"http://{address}:{way.port}/health/", headers={"Host": way.domain}, timeout=5)
                if told.status_code == 200 and told.json()["interface"] == interface:
                    first[address] = time.monotonic() - begun
            except (httpx.HTTPError, ValueError):
                pass
            stop.wait(0.05)

    watchers = [threading.Thread(target=watch, args=(host.address,)) for host in hosts]
    for watcher in watchers:
        watcher.start()
    whole = seconds(action)
    for watcher in watchers:
        watcher.join(30)
    stop.set()
    return max(first.values(), default=float("nan")), whole


def times(way: Way, hosts: list[TestHost], count: int) -> dict[str, Any]:
    """No-op, switch and release of one way, and its logins per host for a switch."""
    now = "wsgi"
    way.bring(now)
    found: dict[str, Any] = {"no-op": [seconds(lambda: way.bring("wsgi")) for _ in range(count)]}
    answer, whole, logins = [], [], []
    for _ in range(count):
        now, before = OTHER[now], [host.logins() for host in hosts]
        first, done = answering(way, hosts, now, lambda to=now: way.bring(to))  # type: ignore[misc]
        answer.append(first)
        whole.append(done)
        logins.append(max(host.logins() - then for host, then in zip(hosts, before, strict=True)))
    found |= {"switch answers": answer, "switch": whole, "logins": logins}
    release = []
    for number in range(count):
        way.change(f"release {number} {time.time()}")
        release.append(seconds(lambda: way.bring(now)))
    return {**found, "release": release}


def returns(way: Way, hosts: list[TestHost], count: int) -> dict[str, Any]:
    """Seconds from the command until every host serves what was before a release of another interface, and until it is done."""
    answer, whole = [], []
    way.bring("wsgi")
    for number in range(count):
        way.change(f"to go back from {number} {time.time()}")
        way.bring("asgi")
        first, done = answering(way, hosts, "wsgi", way.back)
        answer.append(first)
        whole.append(done)
    return {"back answers": answer, "back": whole}


def gaps(way: Way, hosts: list[TestHost], count: int) -> dict[str, Any]:
    """Failed requests and the longest gap on the first two hosts while they are switched, and of an undisturbed run."""
    found: dict[str, Any] = {"failed": 0, "requests": 0, "gap ms": [], "undisturbed gap ms": []}
    now = "wsgi"
    way.bring(now)
    for _ in range(count):
        for key, act in (("undisturbed gap ms", None), ("gap ms", way.bring)):
            with ExitStack() as stack:
                loads = [
                    stack.enter_context(Load(base_url=f"http://{host.address}:{way.port}", host=way.domain, rate=60, clients=8))
                    for host in hosts[:2]
                ]
                time.sleep(2)
                if act:
                    now = OTHER[now]
                    act(now)
                time.sleep(3)
            for load in loads:
                found["failed"] += load.report.failed
                found["requests"] += load.report.sent
                found[key].append(load.report.longest_gap_ms)
    return found


def figures(way: Way, hosts: list[TestHost], count: int) -> dict[str, Any]:
    """What is to be known of that way."""
    if isinstance(way, OursWithStandby):
        return returns(way, hosts, count)
    if isinstance(way, ByHand):
        return gaps(way, hosts, count)
    return times(way, hosts, count) | returns(way, hosts, count) | gaps(way, hosts, count)


def shown(values: object) -> str:
    """Minimum, median and maximum."""
    if not isinstance(values, list):
        return str(values)
    return " / ".join(f"{one:.1f}" for one in (min(values), statistics.median(values), max(values)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="names of ways")
    given = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(), "count": given.count}
    for number in given.hosts:
        with lab(number) as (hosts, _, ways):
            for way in ways:
                if given.only and way.name not in given.only:
                    continue
                found = figures(way, hosts, given.count)
                if isinstance(way, ByHand):
                    way.rest()
                elif isinstance(way, Peer):
                    for host in hosts:
                        # Without its unit: the next way would find it as wanted, and not start it.
                        host.sh("systemctl stop peer; rm /etc/systemd/system/peer.service; systemctl daemon-reload")
                results[f"{way.name}, {number} host(s)"] = found
                print(f"{way.name}, {number} host(s)", {key: shown(value) for key, value in found.items()}, flush=True)
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "peers.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
