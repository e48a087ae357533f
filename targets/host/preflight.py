"""What hosts have for an update, before anything is touched: one short program is sent to each, and nothing is left there."""

import json
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from targets.common import preflight
from targets.common.errors import AgentError
from targets.common.preflight import Result, failed, ok, warning
from targets.host.client.hosts import Host

PROGRAM = Path(__file__).with_name("looking.py")
NEEDED = {"python": "3.10", "systemd": "249", "nginx": "1.18"}
"""The oldest that are used: systemd of Ubuntu 22.04; Nginx with ``keepalive_time``."""


def program(app: str, port: int, peers: Mapping[str, tuple[str, ...]]) -> bytes:
    """The program's text with its request in it."""
    request = {"app": app, "port": port, "peers": {name: list(peer) for name, peer in peers.items()}}
    mark = "REQUEST: dict = {}"
    return PROGRAM.read_text().replace(mark, f"REQUEST: dict = json.loads({json.dumps(json.dumps(request))})").encode()


def look(host: Host, text: bytes, workers: int, owner: str) -> tuple[list[Result], dict[str, Any]]:
    """Results for one host, and the raw answer. A host that cannot be asked is one failure."""
    before = time.time()
    try:
        done = host.shell.run(["python3", "-"], text)
    except AgentError as error:
        told, _, way_out = str(error).partition("; way out: ")
        return [failed(host.name, "login", told, way_out)], {}
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        if done.returncode == 127:
            return [warning(host.name, "python", "there is none", "the update installs it where there is apt-get")], {}
        return [failed(host.name, "login", f"the host's Python failed: {words[-1]}", "look after python3 there")], {}
    seen: dict[str, Any] = json.loads(done.stdout)
    seen["difference"] = seen["now"] - (before + time.time()) / 2
    return judge(host.name, seen, workers, owner, host.connection.user), seen


def judge(place: str, seen: Mapping[str, Any], workers: int, owner: str, user: str) -> list[Result]:
    """From what was seen to lines of the table."""
    login = f"as {user}" + ("" if user == "root" else ", sudo works")
    results = [
        ok(place, "login", login) if seen["root"] else failed(place, "login", f"{user} is not root there", "passwordless sudo"),
        _system(place, seen),
        preflight.at_least(place, "python", seen["python"], NEEDED["python"], "a newer distribution"),
        preflight.at_least(place, "systemd", seen["systemd"], NEEDED["systemd"], "a newer distribution")
        if seen["systemd"]
        else failed(place, "systemd", "is not in charge there", "a Debian or Ubuntu that was booted with systemd"),
        preflight.at_least(place, "nginx", seen["nginx"], NEEDED["nginx"], "a newer Nginx: nginx.org has packages"),
    ]
    if seen["nginx_refuses"]:
        told = f"refuses its present configuration: {seen['nginx_refuses']}"
        results.append(failed(place, "nginx", told, "mend that file (nginx -t)"))
    results += [preflight.disk(place, path, free) for path, free in seen["disks"].items()][:1]
    results.append(preflight.memory(place, seen["available_mib"], seen["instance_mib"], workers))
    results += [*_names(place, seen, owner), *peers(place, seen["peers"]), preflight.clock(place, seen["difference"])]
    results.append(preflight.deploy_check(place, seen["deploy_check"]))
    return results


def _system(place: str, seen: Mapping[str, Any]) -> Result:
    if not seen["apt"] and not seen["nginx"]:
        return failed(place, "system", f"{seen['os']}, without apt-get and without Nginx", "install Nginx by hand")
    return ok(place, "system", seen["os"])


def _names(place: str, seen: Mapping[str, Any], owner: str) -> list[Result]:
    """Whose port and name it is."""
    results = []
    if seen["holder"] in ("", "nginx"):
        results.append(ok(place, "port", "Nginx has it" if seen["holder"] else "free"))
    else:
        results.append(failed(place, "port", f"'{seen['holder']}' listens on it", "stop that, or another httpPort", "config"))
    if seen["owner"] not in ("", owner):
        results.append(failed(place, "name", f"belongs to stack {seen['owner']}", "another app.name", "config"))
    return results


def peers(place: str, answers: Mapping[str, str]) -> list[Result]:
    """Databases and the like, as that place reaches them."""
    mend = "start it, correct the address, or let this place in through its firewall"
    return [
        failed(place, name, f"nobody answers ({why})", mend) if why else ok(place, name, "answers")
        for name, why in answers.items()
    ]


def pending(place: str, source: Collection[str], there: Collection[str]) -> set[str]:
    """Migrations of the source that the host's live release has not; empty where nothing serves there."""
    return set(source) - set(there) if there else set()
