"""What on this host is other than the stack made it: units, links, env file, Nginx, static files. It only reads.

Each finding names the part of an update that mends it: ``env``, ``static``, ``proxy``, ``instance`` or ``traffic``.
"""

import json
import os
import shlex
from typing import Any

from rendering import envfile
from targets.host.agent import nginx, stacks, system, traffic, units
from targets.host.agent.places import ENABLED, UNITS, Places
from targets.host.agent.requests import LookRequest

Finding = dict[str, str]
WANTS = {".service": "multi-user.target.wants", ".socket": "sockets.target.wants"}


def found(request: LookRequest, places: Places) -> list[Finding]:
    """Everything that is other than it should be, in the order of an update; nothing where the stack has nothing here."""
    if not request.instance:
        return []
    known = system.read_json(places.instances / f"{request.instance}.json")
    if not known:
        return [_finding("instance", f"instance {request.instance} is not on this host")]
    return [
        *_env(places, known),
        *_static(places, known),
        *_nginx(places, request.proxy),
        *_units(places, known),
        *_traffic(places, request.instance, known),
    ]


def _finding(part: str, what: str) -> Finding:
    return {"part": part, "what": what}


def _env(places: Places, known: dict[str, Any]) -> list[Finding]:
    path = places.env_file(str(known["env_id"]))
    try:
        words = shlex.split(path.read_bytes().decode(), posix=True)
    except FileNotFoundError:
        return [_finding("env", f"{path} is gone")]
    except ValueError:
        words = []
    values = dict(word.partition("=")[::2] for word in words)
    wrong = [_finding("env", f"{path} was changed")] if envfile.digest(values) != known["env_id"] else []
    mode = path.stat().st_mode & 0o777
    return wrong or ([_finding("env", f"{path} has mode {mode:04o}, not 0640")] if mode != 0o640 else [])


def _static(places: Places, known: dict[str, Any]) -> list[Finding]:
    """The manifest that the release was served with, and the files that it names."""
    manifest = places.facts / f"{known['release']}.manifest"
    bound = any(str(manifest) in str(line) for line in known.get("files") or ())
    try:
        named = json.loads(manifest.read_text())["paths"].values()
    except FileNotFoundError:
        return [_finding("static", f"the static manifest {manifest} is gone")] if bound else []
    except (ValueError, KeyError, AttributeError):
        return [_finding("static", f"the static manifest {manifest} was changed")]
    lost = sorted(name for name in named if not (places.static / name).is_file())
    return [_finding("static", _lost(lost, str(places.static)))] if lost else []


def _lost(names: list[str], folder: str) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"static file {folder}/{names[0]}{more} {'are' if more else 'is'} gone"


def _nginx(places: Places, wanted: str) -> list[Finding]:
    wrong = []
    if not places.site.exists():
        wrong.append(_finding("proxy", f"Nginx's site {places.site} is gone"))
    elif wanted and not nginx.is_site(places, wanted):
        wrong.append(_finding("proxy", f"Nginx's site {places.site} was changed"))
    if not os.path.lexists(ENABLED / places.site.name):
        wrong.append(_finding("proxy", f"Nginx's site is not enabled: {ENABLED / places.site.name} is gone"))
    if system.systemctl("is-active", "--quiet", "nginx").returncode:
        wrong.append(_finding("proxy", "Nginx does not run"))
    if system.systemctl("is-enabled", "--quiet", "nginx").returncode:
        wrong.append(_finding("proxy", "Nginx is disabled: it would not come back at boot"))
    return wrong


def _units(places: Places, known: dict[str, Any]) -> list[Finding]:
    wrong = []
    for path, text in units.texts(places, known).items():
        if not path.exists():
            wrong.append(_finding("instance", f"unit {path} is gone"))
        elif path.read_text() != text:
            wrong.append(_finding("instance", f"unit {path} was changed"))
        for one in units.drop_ins(path):
            wrong.append(_finding("instance", f"unit {path.name} has a drop-in: {one}"))
        if system.systemctl("is-active", "--quiet", path.name).returncode:
            state = system.systemctl("is-active", path.name).stdout.strip() or "unknown"
            wrong.append(_finding("instance", f"unit {path.name} does not run: it is {state}"))
        if not os.path.lexists(UNITS / WANTS[path.suffix] / path.name):
            wrong.append(_finding("traffic", f"unit {path.name} is disabled: it would not come back at boot"))
    return wrong


def _traffic(places: Places, instance: str, known: dict[str, Any]) -> list[Finding]:
    wrong, live = [], traffic.live(places)
    if live != instance and stacks.of(places, live) in ("", stacks.of(places, instance)):
        wrong.append(_finding("traffic", f"traffic is on {live or 'nothing'}, not on {instance}"))
    links = {places.current: f"releases/{known['release']}", places.live_env: f"env/{known['env_id']}.env"}
    for path, target in links.items() if live == instance else ():
        named = os.readlink(path) if path.is_symlink() else "nothing"
        if named != target:
            wrong.append(_finding("traffic", f"{path} names {named}, not {target}"))
    strays = sorted(system.units_of(places) - {instance, live} - stacks.in_role(places, "live", "standby"))
    return wrong + [_finding("traffic", f"instance {one} has a unit, and nobody asked for it") for one in strays]
