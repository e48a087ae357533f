"""What is on this host and how it does: instances, requests, Nginx, disk, drift. It only reads."""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from targets.common import processes
from targets.common.access_log import Log
from targets.common.around import BEFORE
from targets.common.around import around as answered_around
from targets.common.requests_seen import Window
from targets.host.agent import drift, stacks, system, traffic
from targets.host.agent.places import Places
from targets.host.agent.requests import AroundRequest, LookRequest

SHOWN = ("Id", "ActiveState", "NRestarts", "MainPID", "ActiveEnterTimestampMonotonic")
SELDOM = 5
"""Of looks that follow one another, each so many asks what costs more: systemd, disk, drift."""

Facts = dict[str, Any]


class Sight:
    """One site, looked at once or again and again."""

    def __init__(self, request: LookRequest) -> None:
        self.request, self.places = request, Places(request.app)
        self.log, self.window = Log(self.places.access_log), Window(request.window)
        self.window.add(self.log.since(time.time() - request.window))
        self._units: dict[str, dict[str, str]] = {}
        self._seldom: Facts = {}
        self._looks = 0

    def look(self) -> Facts:
        """What is there now."""
        now = time.time()
        live = traffic.live(self.places)
        if self._looks % SELDOM == 0 or live != self._seldom.get("live"):
            self._look_closely(live)
        self._looks += 1
        self.window.add(self.log.more())
        table = processes.unix_connections(Path("/proc/net/unix").read_text())
        return {
            "at": round(now, 3),
            **self._seldom,
            "instances": [self._instance(name, now, table) for name in self._names(live)],
            "requests": self.window.told(now),
        }

    def _look_closely(self, live: str) -> None:
        names = self._names(live)
        self._units = units("nginx.service", *(f"{self.places.unit(one)}.service" for one in names))
        nginx = self._units.get("nginx.service", {})
        self._seldom = {
            "live": live,
            "nginx": {"state": nginx.get("ActiveState", "unknown"), "since": _since(nginx)},
            "disk": disk(self.places.root, self.places.access_log.parent),
            "drift": drift.found(self.request, self.places),
        }

    def _names(self, live: str) -> list[str]:
        """The live one first, then others that have a unit."""
        return [*([live] if live else []), *sorted(system.units_of(self.places) - {live})]

    def _instance(self, name: str, now: float, table: "dict[str, int]") -> Facts:
        known, unit = system.read_json(self.places.instances / f"{name}.json"), f"{self.places.unit(name)}.service"
        shown = self._units.get(unit, {})
        running, main = shown.get("ActiveState") == "active", int(shown.get("MainPID") or 0)
        groups = processes.groups_of(main) if running else {}
        found = processes.of_cgroup(processes.group_folder(groups, "pids")) if groups else []
        port = int(known.get("port") or 0)
        role = "standby" if name in stacks.in_role(self.places, "standby") else "other"
        role = "live" if name == self._seldom.get("live") else role
        return {
            "instance": name,
            **{key: str(known.get(key, "")) for key in ("interface", "server", "release")},
            "role": role,
            "state": "running" if running else shown.get("ActiveState", "unknown"),
            "since": _since(shown) if running else None,
            "workers": processes.worker_count(found, main) if found else 0,
            "restarts": int(shown.get("NRestarts") or 0),
            "memory_bytes": processes.memory(processes.group_folder(groups, "memory"), [pid for pid, *_ in found])
            if found
            else 0,
            "connections": _tcp(port) if port else table.get(str(self.places.socket(name)), 0),
            **(processes.entry_figures(Path(f"/proc/{main}/root/tmp/gateway-entry"), now) if main else {}),
        }


def units(*names: str) -> dict[str, dict[str, str]]:
    """Unit -> its properties."""
    text = system.systemctl("show", f"--property={','.join(SHOWN)}", *names).stdout
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.split("\n\n")]
    return {block["Id"]: block for block in blocks if "Id" in block}


def _since(shown: dict[str, str]) -> float | None:
    """Seconds since 1970; systemd tells microseconds since boot."""
    entered = int(shown.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
    return round(time.time() - (time.monotonic() - entered), 1) if entered else None


def _tcp(port: int) -> int:
    return len(system.run("ss", "-Htn", "state", "established", f"( sport = :{port} )").stdout.splitlines())


def disk(*places: Path) -> list[Facts]:
    """Each file system that the site is on, once."""
    found: dict[int, Facts] = {}
    for path in places:
        if path.exists():
            usage = shutil.disk_usage(path)
            found.setdefault(path.stat().st_dev, {"path": str(path), "free_bytes": usage.free, "total_bytes": usage.total})
    return list(found.values())


def around(request: AroundRequest) -> Facts:
    """What Nginx's log has around some moments."""
    if not request.moments:
        return {"around": []}
    found = Log(Places(request.app).access_log).since(min(request.moments) - BEFORE)
    return {"around": answered_around(found, request.moments)}


def look(request: LookRequest) -> Facts | str:
    """One look, as JSON; with ``every`` one after the other, a line each, until nobody listens any more."""
    sight = Sight(request)
    if not request.every:
        return sight.look()
    while True:
        begun = time.monotonic()
        try:
            sys.stdout.write(json.dumps(sight.look()) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            sys.stdout = None  # nothing more to say, also not at the exit
            return ""
        time.sleep(max(0.1, request.every - (time.monotonic() - begun)))
