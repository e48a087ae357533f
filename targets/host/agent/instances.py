"""Start an instance and prove it healthy; take one away."""

import dataclasses
import json
import os
import shutil
import threading
import time
from pathlib import Path

from targets.common import inside
from targets.common.causes import redact, report, unhealthy
from targets.common.errors import AgentError
from targets.host.agent import code, nginx_service, ports, system, units
from targets.host.agent.places import ENTRIES, UNITS, Places
from targets.host.agent.requests import InstanceRequest
from targets.host.agent.units import ENDINGS

EXIT_SECONDS = 0.3
"""How often a server that is being proved is looked at."""


def start(request: InstanceRequest) -> str:
    """A healthy instance on its own socket, started now or found running. On failure nothing of it is left behind."""
    places = code.expect(request)
    nginx_service.expect_sound()
    with system.lock(request.app, request.instance):
        known = _record(request, places)
        if not (running(places, request.instance) and _as_asked(places, request, known)):
            _write(request, places, known)
        elif units.mend(places, known):
            # It runs as somebody else has asked for; its socket stays meanwhile, and clients wait in its queue.
            system.systemctl("restart", f"{places.unit(request.instance)}.service")
        try:
            begin(places, request)
        except BaseException:
            if live(places) != request.instance:
                remove(places, request.instance)
            raise
    return places.unit(request.instance)


def _record(request: InstanceRequest, places: Places) -> dict[str, object]:
    """What the instance is made of, without secrets; an operator can start it from this again."""
    kept = dataclasses.asdict(request)
    kept["files"] = code.binds(places, request.release, request.user)
    return kept


def _as_asked(places: Places, request: InstanceRequest, known: dict[str, object]) -> bool:
    return bool(system.read_json(places.instances / f"{request.instance}.json") == json.loads(json.dumps(known)))


def _write(request: InstanceRequest, places: Places, known: dict[str, object]) -> None:
    """Record, entry point and units."""
    with system.room(places.root):
        entry = places.entries / request.entry
        system.folder(entry)
        for name in ENTRIES:
            system.write(entry / name, Path(inside.__file__).with_name(name).read_text())
        system.write(places.instances / f"{request.instance}.json", json.dumps(known), 0o600)
        units.write(places, known)


def begin(places: Places, request: InstanceRequest) -> None:
    """Socket, then service, then the proof over the instance's own socket: only HTTP 200 counts."""
    unit, begun = places.unit(request.instance), time.time()
    system.systemctl("reset-failed", f"{unit}.service", f"{unit}.socket")
    if system.systemctl("start", f"{unit}.socket").returncode:
        reason, said = ports.refused(unit, request.port, begun)
        raise AgentError(report(f"{_what(request)} could not be started and never took traffic", said, reason))
    if system.systemctl("start", f"{unit}.service").returncode:
        raise AgentError(_failure(places, request, begun, None))
    _mark(places, request)
    answer = _await_answer(places, request)
    if answer[0] != 200:
        raise AgentError(_failure(places, request, begun, answer))


def _await_answer(places: Places, request: InstanceRequest) -> tuple[int, str]:
    """The final answer on the health path; the wait ends early when the server has exited, while its socket still takes calls."""
    address = f"127.0.0.1:{request.port}" if request.port else str(places.socket(request.instance))
    answers: list[tuple[int, str]] = []

    def ask() -> None:
        answers.append(inside.wait(request.host, request.path, request.timeout, address, request.scheme))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    while asking.is_alive():
        asking.join(EXIT_SECONDS)
        if _gave_up(places.unit(request.instance)):
            break
    return answers[0] if answers else (0, "no answer")


def _mark(places: Places, request: InstanceRequest) -> None:
    """In the plain form a file stands for the socket: that it goes tells open streams to end."""
    if request.port:
        system.write(places.socket(request.instance), "")


def _gave_up(unit: str) -> bool:
    """Whether the server has exited, be it that systemd starts it again: before it is proved, no exit is forgiven."""
    shown = system.systemctl("show", f"{unit}.service", "--property=NRestarts,ActiveState").stdout
    return "ActiveState=failed" in shown or "NRestarts=0" not in shown


def _what(request: InstanceRequest) -> str:
    return f"the new instance {request.instance} ({request.interface}, {request.server}, release {request.release})"


def _failure(places: Places, request: InstanceRequest, begun: float, answer: tuple[int, str] | None) -> str:
    what, unit = _what(request), places.unit(request.instance)
    log = redact(journal(unit, begun), code.secrets(places, request.env_id, request.secret_names))
    if answer is None or _gave_up(unit):
        shown = system.systemctl("show", f"{unit}.service", "--property=Result,ExecMainStatus").stdout
        told = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        killed = "it was killed for lack of memory" if told.get("Result") == "oom-kill" or _oom(unit, begun) else ""
        status = told.get("ExecMainStatus", "?")
        return report(f"{what} exited at once with status {status} and never took traffic", log, killed)
    return unhealthy(what, (request.host, request.path, request.timeout), answer, log)


def _oom(unit: str, since: float) -> bool:
    """Whether the kernel killed something of it; its result is forgotten when it is started again."""
    asked = ("--quiet", f"--since=@{since:.6f}", f"--unit={unit}.service", "--grep=oom-kill|OOM killer")
    return bool(system.run("journalctl", *asked).stdout.strip())


def journal(unit: str, since: float, lines: int = 200) -> str:
    """What the server itself has said, without systemd's own lines."""
    asked = ("--no-pager", "--output=cat", f"--lines={lines}", f"--since=@{since:.6f}", f"_SYSTEMD_UNIT={unit}.service")
    return system.run("journalctl", "--quiet", *asked).stdout


def running(places: Places, instance: str) -> bool:
    """Whether its server runs."""
    return system.systemctl("is-active", "--quiet", f"{places.unit(instance)}.service").returncode == 0


def live(places: Places) -> str:
    """The instance that had the traffic when a switch ended, '' for none."""
    return str(system.read_json(places.serving).get("live", ""))


def remove(places: Places, instance: str) -> None:
    """Stop the instance and take its units away; its record stays for as long as it is a rollback point."""
    unit = places.unit(instance)
    system.systemctl("stop", *(unit + ending for ending in reversed(ENDINGS)))
    for ending in ENDINGS:
        for path in (UNITS / f"{unit}{ending}", *UNITS.glob(f"*.wants/{unit}{ending}")):
            path.unlink(missing_ok=True)
        shutil.rmtree(UNITS / f"{unit}{ending}.d", ignore_errors=True)
    system.systemctl("daemon-reload")
    system.systemctl("reset-failed", *(unit + ending for ending in ENDINGS))
    if not system.units_of(places):
        (UNITS / f"{places.app}-again@.service").unlink(missing_ok=True)
    places.socket(instance).unlink(missing_ok=True)


def enable(places: Places, instance: str, *, on: bool) -> None:
    """Whether the instance comes back at boot. The links are what ``systemctl enable`` makes, without its reload."""
    for ending, wants in ((".service", "multi-user.target.wants"), (".socket", "sockets.target.wants")):
        name = places.unit(instance) + ending
        path = UNITS / wants / name
        if on and not os.path.lexists(path):
            path.parent.mkdir(exist_ok=True)
            path.symlink_to(UNITS / name)
        elif not on:
            path.unlink(missing_ok=True)


def remove_site(places: Places) -> str:
    """Everything of the site but what users made: uploads and data stay, and with them the name stays ours."""
    for instance in system.units_of(places):  # started by hand, or left by a killed update: the stack does not know them
        remove(places, instance)
    own = (places.releases, places.venvs, places.entries, places.instances, places.facts, places.static, places.env, places.sites)
    for path in (*own, places.pages):
        shutil.rmtree(path, ignore_errors=True)
    for path in (places.current, places.tmpfiles, places.serving, places.live_env, places.upstream, places.maintenance):
        path.unlink(missing_ok=True)
    shutil.rmtree(places.run, ignore_errors=True)
    return "removed"
