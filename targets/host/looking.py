"""Sent to a host as text and run by its own Python: what is there before anything is touched. Nothing is written there.

Standard library only, one file, Python 3.8 or newer: whether the host's Python is new enough is part of the answer. On standard
output one line of JSON. ``REQUEST`` is put in by the caller: ``app``, ``port`` and ``peers`` (name -> host and port, or a path).
"""

import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

REQUEST: dict = {}  # type: ignore[type-arg]
PEER_SECONDS = 3.0


def said(*command: str) -> str:
    """All that a command prints, '' where it is not there."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def version(pattern: str, *command: str) -> str:
    found = re.search(pattern, said(*command))
    return found.group(1) if found else ""


def free_mib(path: str) -> int:
    """Below the nearest folder that is there."""
    place = Path(path)
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(str(place)).free // 2**20


def meminfo() -> int:
    found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    return int(found.group(1)) // 1024 if found else 0


def instance_mib(app: str) -> int:
    """What the live instance takes now."""
    try:
        live = os.readlink(f"/run/{app}/live.sock").replace(".sock", "")
    except OSError:
        return 0
    used = said("systemctl", "show", f"{app}-{live}.service", "--property=MemoryCurrent", "--value").strip()
    return int(used) // 2**20 if used.isdigit() and int(used) < 2**50 else 0


def holder(port: int) -> str:
    """Program that listens on the port, '' for none, ``?`` where nobody can tell."""
    shown = said("ss", "-Hltnp", f"sport = :{port}")
    names = re.findall(r'\(\("([^"]+)"', shown)
    return names[0] if names else "?" if shown.strip().startswith("LISTEN") else ""


def reach(peer: list) -> str:  # type: ignore[type-arg]
    """Why nobody answers there; '' when somebody does. ``[host, port]`` or ``[path]``."""
    try:
        if len(peer) == 1:
            with socket.socket(socket.AF_UNIX) as trial:
                trial.settimeout(PEER_SECONDS)
                trial.connect(peer[0])
        else:
            socket.create_connection((peer[0], int(peer[1])), PEER_SECONDS).close()
    except OSError as error:
        return str(error.strerror or error)
    return ""


def migrations(app: str) -> list:  # type: ignore[type-arg]
    """``store.0001_initial`` of all that the serving release has."""
    found = Path(f"/srv/{app}/current/").glob("**/migrations/*.py")
    return sorted({f"{path.parts[-3]}.{path.stem}" for path in found if path.stem != "__init__" and ".gateway" not in path.parts})


def deploy_check(app: str) -> str:
    """Output of ``check --deploy`` in the serving release, as the site's user; '' where none serves."""
    try:
        live = os.readlink(f"/run/{app}/live.sock").replace(".sock", "")
        known = json.loads(Path(f"/srv/{app}/instances/{live}.json").read_text())
    except (OSError, ValueError):
        return ""
    release = f"/srv/{app}/releases/{known['release']}"
    properties = (f"User={known['user']}", f"EnvironmentFile=/etc/{app}/env/{known['env_id']}.env", f"WorkingDirectory={release}")
    settings = {"DJANGO_SETTINGS_MODULE": known["settings_module"], "PYTHONDONTWRITEBYTECODE": "1"}
    return said(
        *("systemd-run", "--quiet", "--wait", "--pipe", "--collect"),
        *(f"--property={one}" for one in properties),
        *(f"--setenv={name}={value}" for name, value in settings.items()),
        *(f"{release}/.gateway/venv/bin/python", "-m", "django", "check", "--deploy"),
    )


def look() -> dict:  # type: ignore[type-arg]
    app = REQUEST["app"]
    release = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    name = re.search(r'^PRETTY_NAME="?([^"\n]+)', release, re.MULTILINE)
    return {
        "now": time.time(),
        "root": os.geteuid() == 0,
        "os": name.group(1) if name else platform.platform(),
        "apt": bool(shutil.which("apt-get")),
        "python": platform.python_version(),
        "systemd": version(r"systemd (\d+)", "systemctl", "--version") if Path("/run/systemd/system").is_dir() else "",
        "nginx": version(r"nginx/([0-9.]+)", "/usr/sbin/nginx", "-v"),
        "nginx_refuses": ""
        if not Path("/usr/sbin/nginx").exists()
        else version(r"\[emerg\] (.*)", "/usr/sbin/nginx", "-t", "-q"),
        "disks": {path: free_mib(path) for path in (f"/srv/{app}", "/tmp")},
        "available_mib": meminfo(),
        "instance_mib": instance_mib(app),
        "holder": holder(REQUEST["port"]),
        "owner": Path(f"/etc/{app}/owner").read_text().strip() if Path(f"/etc/{app}/owner").exists() else "",
        "peers": {name: reach(peer) for name, peer in REQUEST["peers"].items()},
        "migrations": migrations(app),
        "deploy_check": deploy_check(app),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(look()) + "\n")
