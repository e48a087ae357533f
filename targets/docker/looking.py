"""What a Docker engine has for an update, before anything is touched."""

import re
import shutil
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException
from docker.models.containers import Container

from targets.common import preflight
from targets.common.preflight import Result
from targets.docker import names
from targets.docker.agent import code, engine
from targets.docker.standby import cost
from targets.host.looking import reach as from_here
from targets.observation import Observation

PLACE = "docker"
SECONDS = 15
_REACH = """
import socket, sys
try:
    if len(sys.argv) == 2:
        s = socket.socket(socket.AF_UNIX); s.settimeout(3); s.connect(sys.argv[1])
    else:
        socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)
except OSError as error:
    print(error.strerror or error)
"""


def look(app: str, observed: Observation, workers: int, services: Sequence[str]) -> list[Result]:
    """Engine, disk, memory, clock and data services."""
    try:
        client = docker.from_env(timeout=SECONDS)
        before = time.time()
        info: dict[str, Any] = client.info()
        version = str(client.version()["Version"])
    except (DockerException, OSError) as error:
        way_out = "make up installs and starts it where it may (as root, on this machine); else start it, or set DOCKER_HOST"
        return [preflight.failed(PLACE, "engine", f"no Docker engine answers ({error})", way_out)]
    results = [preflight.ok(PLACE, "engine", f"Docker {version} on {info.get('OperatingSystem', '?')}")]
    results += local_disk(str(info.get("DockerRootDir", "")))
    if engine.is_local():
        running = re.match(r"\d+", cost(app, observed.live)) if observed.live else None
        results.append(preflight.memory(PLACE, available_mib(), int(running[0]) if running else 0, workers))
    results.append(preflight.clock(PLACE, _seconds(str(info.get("SystemTime", "")), before)))
    results.append(preflight.deploy_check(PLACE, _deploy_check(client, app, observed.live)))
    for service in services:
        there = service in observed.kept
        told = "runs" if there else "does not run now: the update starts it" if observed.owners else "the update makes it"
        results.append(preflight.ok(PLACE, service, told))
    return results


def _deploy_check(client: docker.DockerClient, app: str, live: str) -> str:
    """Output of ``check --deploy`` in the live instance, '' where none runs."""
    container = engine.find(client, names.Names(app).instance(live)) if live else None
    if container is None or container.status != "running":
        return ""
    env_file = f"{names.ENV}/{code.env_of(container)}.env"
    command = ["python3", names.INSIDE, "run", env_file, "--", "python3", "-m", "django", "check", "--deploy"]
    return bytes(container.exec_run(command).output).decode(errors="replace")  # type: ignore[arg-type]


def local_disk(root: str) -> list[Result]:
    """Free space where the engine keeps images and volumes; nobody can tell for an engine elsewhere."""
    if not engine.is_local() or not root or not Path(root).exists():
        return []
    return [preflight.disk(PLACE, root, shutil.disk_usage(root).free // 2**20)]


def available_mib() -> int:
    """Memory that can be had without swapping."""
    found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    return int(found[1]) // 1024 if found else 0


def _seconds(told: str, before: float) -> float:
    """How far the engine's clock is ahead."""
    found = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)$", told)
    if not found:
        return 0.0
    text = f"{found[1]}.{(found[2] or '0').ljust(6, '0')}{'+00:00' if found[3] == 'Z' else found[3]}"
    return datetime.fromisoformat(text).timestamp() - (before + time.time()) / 2


def reach(app: str, live: str, peers: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Why nobody answers there, '' when somebody does; asked from the live instance's own network.

    Where none runs yet this machine stands for it, if the engine is here; else nobody is asked.
    """
    try:
        container: Container | None = (
            engine.find(docker.from_env(timeout=SECONDS), names.Names(app).instance(live)) if live else None
        )
        if container is None or container.status != "running":
            return {name: from_here(list(peer)) for name, peer in peers.items()} if engine.is_local() else {}
        return {name: engine.run_in(container, "python3", "-c", _REACH, *peer)[1] for name, peer in peers.items()}
    except (DockerException, OSError):
        return {}
