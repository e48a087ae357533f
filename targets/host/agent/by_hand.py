"""For a person who is logged in: what serves, what it says, and in an emergency back to a kept instance."""

import argparse
import dataclasses
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from targets.common import certificates
from targets.common.errors import AgentError
from targets.common.pairs import Store
from targets.host.agent import certificate, instances, monitoring, releases, system, traffic, units
from targets.host.agent.places import Places
from targets.host.agent.requests import InstanceRequest, TrafficRequest, parse


def main(argv: list[str]) -> int:
    """``gateway status|metrics|logs|switch|renew``; exit status 0 or 1, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(prog="gateway", description="sites that gateway deployed on this host")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("status", help="what serves, what runs, what is kept").add_argument("app")
    metrics = verbs.add_parser("metrics", help="figures in Prometheus' text format")
    metrics.add_argument("app")
    metrics.add_argument("--out", help="into this file, by one rename")
    logs = verbs.add_parser("logs", help="the last lines of an instance")
    logs.add_argument("app")
    logs.add_argument("instance", nargs="?", help="default: the live one")
    logs.add_argument("--lines", type=int, default=50)
    switch = verbs.add_parser(
        "switch", help="in an emergency: traffic to a kept instance; the next pulumi up tells and undoes it"
    )
    switch.add_argument("app")
    switch.add_argument("instance")
    renew = verbs.add_parser("renew", help="a new certificate from the ACME server where one is due; the timer calls this")
    renew.add_argument("app")
    renew.add_argument("--force", action="store_true", help="whether one is due or not; mind the server's limits")
    given = parser.parse_args(argv)
    try:
        if os.geteuid() != 0:
            raise AgentError(f"this needs root; way out: sudo gateway {' '.join(argv)}")
        places = Places(given.app)
        if not places.owner.exists():
            raise AgentError(f"there is no site '{given.app}' on this host; sites are: {', '.join(_sites()) or 'none'}")
        verbs_of = {"status": _status, "metrics": _metrics, "logs": _logs, "switch": _switch, "renew": _renew}
        verbs_of[given.verb](places, given)
    except AgentError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    return 0


def _sites() -> list[str]:
    return sorted(path.parent.name for path in Places("-").etc.parent.glob("*/serving.json"))


def _status(places: Places, _: argparse.Namespace) -> None:
    record, live = system.read_json(places.serving), traffic.live(places)
    print(f"site      {places.app} of stack {places.owner.read_text().strip()}")
    for path in sorted(places.instances.glob("*.json"), key=lambda one: one.stat().st_mtime, reverse=True):
        known = system.read_json(path)
        state = system.systemctl("is-active", f"{places.unit(path.stem)}.service").stdout.strip() or "unknown"
        role = next((one for one in ("standby", "previous") if path.stem == record.get(one)), "kept")
        role = "live" if path.stem == live else role
        told = f"{known.get('interface')} ({known.get('server')}), release {known.get('release')}, env {known.get('env_id')}"
        print(f"instance  {path.stem}  {role:8}  {state:8}  {told}")
    print(f"since     {record.get('since')}")
    if places.tls.exists() and str(places.tls) in places.site.read_text():
        print(f"tls       {certificates.words(Store(places.tls))}")
    print(f"releases  {' '.join(releases.all_kept(places))}")


def _metrics(places: Places, given: argparse.Namespace) -> None:
    if given.out:
        monitoring.write(places, Path(given.out))
    else:
        print(monitoring.text(places), end="")


def _renew(places: Places, given: argparse.Namespace) -> None:
    """As the timer does, which notes a refusal too: a failed unit is what an administrator looks for."""
    listens = (
        re.search(r"^\s*listen (?:(\S+):)?(\d+) ssl", places.site.read_text(), re.MULTILINE) if places.site.exists() else None
    )
    address, port = (listens[1] or "", int(listens[2])) if listens else ("", 0)
    changed = certificate.renew(places, address=address.strip("[]"), port=port, force=given.force)
    print(f"{'renewed' if changed else 'nothing is due'}: {certificates.words(Store(places.tls))}")


def _logs(places: Places, given: argparse.Namespace) -> None:
    instance = given.instance or traffic.live(places)
    print(instances.journal(places.unit(instance), time.time() - 30 * 86400, given.lines), end="")


def _switch(places: Places, given: argparse.Namespace) -> None:
    """Start the kept instance where it does not run, prove it, move traffic. The one before goes on running."""
    known: dict[str, Any] = system.read_json(places.instances / f"{given.instance}.json")
    if not known:
        kept = ", ".join(sorted(path.stem for path in places.instances.glob("*.json"))) or "none"
        raise AgentError(f"instance '{given.instance}' of {places.app} is not kept on this host; kept are: {kept}")
    site = places.site.read_text()
    request = parse(InstanceRequest, json.dumps({name: value for name, value in known.items() if name != "files"}))
    with system.lock(places.app, request.instance):
        units.write(places, known)
        instances.begin(places, request)
    shared = {one.name for one in dataclasses.fields(TrafficRequest)} & {one.name for one in dataclasses.fields(request)}
    common = {name: getattr(request, name) for name in shared - {"port"}}
    address, _, port = site.partition("listen ")[2].partition(";")[0].rpartition(":")
    before = traffic.live(places)
    with system.lock(places.app, "traffic"):
        traffic.point(places, request.instance)
        failure = traffic.proof(TrafficRequest(**common, address=address or "0.0.0.0", port=int(port)))
        if failure:
            traffic.point(places, before)
            raise AgentError(f"the site did not answer after the switch ({failure}); traffic is back on {before or 'nothing'}")
        traffic.settle(places, request.instance)
    print(f"{request.instance} serves: {request.interface} ({request.server}), release {request.release}; was {before}")
    print("the stack does not know of this: change its config to match, or `pulumi up` brings back what the stack asks for")
