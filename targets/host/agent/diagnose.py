"""What is wrong with the site on this host now: units, their last lines, the live socket, Nginx, disk."""

import dataclasses
import re
import shlex
import shutil
import time
from pathlib import Path

from targets.common import inside
from targets.common.causes import redact
from targets.common.diagnosis import Line
from targets.common.site_facts import Disk, Facts, Process, findings, summary
from targets.host.agent import code, error_log, system, traffic
from targets.host.agent.places import UNITS, Places
from targets.host.agent.requests import DiagnoseRequest

STARTING = 3
"""Seconds in which a server that was started again is not asked to answer yet."""
LINES = 2000
"""Of each log that are read at most."""


def diagnose(request: DiagnoseRequest) -> dict[str, object]:
    """Findings as JSON, and a line that says what was asked."""
    facts = look(request)
    return {"summary": summary(facts), "findings": [dataclasses.asdict(one) for one in findings(facts)]}


def look(request: DiagnoseRequest) -> Facts:
    """Facts of the site on this host."""
    places = Places(request.app)
    live = traffic.live(places)
    known = system.read_json(places.instances / f"{live}.json") if live else {}
    unit = f"{places.unit(live or 'none')}.service"
    since = time.time() - request.minutes * 60
    port = int(known.get("port", 0))
    address = f"127.0.0.1:{port}" if port else str(places.socket(live))
    front = "127.0.0.1" if request.address in ("0.0.0.0", "::") else request.address
    secrets = code.secrets(places, str(known.get("env_id", "")), request.secret_names)
    service, site = UNITS / unit, places.site
    return Facts(
        asked=f"GET {request.path} with Host {request.host}",
        live=live,
        instance=_process(unit),
        nginx=_process("nginx.service"),
        socket=places.socket(live).exists() if live else True,
        own=inside.probe(request.host, request.path, address, scheme=request.scheme) if live else (0, "nobody to ask"),
        through=inside.probe(request.host, request.path, f"{front}:{request.port}"),
        disks=_disks(places),
        command=_command(service.read_text() if service.exists() else ""),
        nginx_text=site.read_text() if site.exists() else "",
        stop_seconds=int(known.get("stop_seconds", 0)) + 10 if known else 0,
        upstream_seconds=int(known.get("upstream_seconds", 0)),
        app_log=(*journal(unit.replace(".service", ".socket"), since, []), *journal(unit, since, secrets)),
        nginx_log=(*error_log.lines(max(since, _started(unit) + STARTING)), *journal("nginx.service", since, [])),
    )


def _process(unit: str) -> Process:
    wanted = "LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts"
    shown = system.systemctl("show", unit, f"--property={wanted}").stdout
    told = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    restarts = int(told.get("NRestarts") or 0)
    running = told.get("ActiveState") == "active"
    if told.get("LoadState") == "not-found":
        return Process(unit, running=False, told="there is no such unit")
    why = f"{told.get('ActiveState')} ({told.get('Result')}), last exit status {told.get('ExecMainStatus')}"
    if unit.startswith("nginx") and not running:
        said = system.run("journalctl", "--quiet", "--lines=20", "--output=cat", "--grep=emerg", f"--unit={unit}").stdout
        taken = next((line for line in said.splitlines() if "(98: " in line), "")
        why = f"{why}; {taken or system.last_line(said)}" if said.strip() else why
    return Process(unit, running=running, told="" if running else why, oom=told.get("Result") == "oom-kill", restarts=restarts)


def _started(unit: str) -> float:
    """When it was started, 0 where it does not run: what Nginx said of it before is past."""
    wanted = ("--property=ActiveEnterTimestampMonotonic,ActiveState",)
    told = dict(line.split("=", 1) for line in system.systemctl("show", unit, *wanted).stdout.splitlines() if "=" in line)
    if told.get("ActiveState") != "active":
        return 0.0
    return time.time() - time.monotonic() + int(told.get("ActiveEnterTimestampMonotonic") or 0) / 1e6


def _disks(places: Places) -> tuple[Disk, ...]:
    """Each file system that the site writes to, once."""
    found: dict[int, Disk] = {}
    for path in (places.root, places.media, places.data, places.static, places.run, Path("/tmp")):
        if path.exists():
            found.setdefault(path.stat().st_dev, Disk(str(path), shutil.disk_usage(path).free // 2**20))
    return tuple(found.values())


def _command(service: str) -> tuple[str, ...]:
    found = re.search(r"^ExecStart=(.*)$", service, re.MULTILINE)
    return tuple(shlex.split(found[1])) if found else ()


def journal(unit: str, since: float, secrets: list[str]) -> tuple[Line, ...]:
    """Last lines of a unit, systemd's own about it too."""
    asked = ("--no-pager", "--output=short-iso", f"--lines={LINES}", f"--since=@{since:.0f}", f"--unit={unit}")
    text = redact(system.run("journalctl", "--quiet", *asked).stdout, secrets)
    found = (re.match(r"\S+T(\d\d:\d\d:\d\d)\S* \S+ [^:]+?: (.*)", line) for line in text.splitlines())
    return tuple(Line(one[1], one[2]) for one in found if one)
