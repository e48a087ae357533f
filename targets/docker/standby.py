"""The instance that is kept running: what it costs, and the way back to it by one rename."""

import json
import re

import docker
from docker.errors import DockerException
from docker.models.containers import Container

from settings.model import Settings
from targets.common.causes import cause, redact
from targets.common.errors import AgentError
from targets.common.inside import REFUSED
from targets.common.unasked import refusal
from targets.docker import names
from targets.docker.agent import code, engine, traffic
from targets.docker.requests import TrafficRequest
from targets.observation import Observation
from targets.serving import Serving


def cost(app: str, instance: str) -> str:
    """Its memory in words, such as ``96 MiB``: what its processes share is counted once. '' where nobody can tell."""
    try:
        container = docker.from_env(timeout=10).containers.get(names.Names(app).instance(instance))
        _, output = container.exec_run(["sh", "-c", "cat /proc/[0-9]*/smaps_rollup 2>/dev/null"])
    except (DockerException, OSError):
        return ""
    shares = re.findall(r"^Pss:\s+(\d+) kB", bytes(output).decode(), re.MULTILINE)  # type: ignore[arg-type]
    return f"{sum(map(int, shares)) / 1024:.0f} MiB" if shares else ""


def go_back(settings: Settings, owner: str, serving: Serving, observed: Observation) -> None:
    """Give a standby the traffic at once, before any engine has started: the update that follows finds it done.

    Raises ``AgentError`` when it does not know the schema, or does not answer through the proxy; then all is as it was.
    """
    client = engine.connect()
    container = engine.find(client, names.Names(settings.app.name).instance(serving.instance))
    if container is None:
        raise AgentError(f"the standby {serving.instance} is gone")
    if not settings.allow_newer_schema:
        _ask_schema(container, serving.release, observed, [one.get_secret_value() for one in settings.secrets.values()])
    request = TrafficRequest(
        app=settings.app.name,
        owner=owner,
        serving=serving,
        host=settings.domains[0],
        path=settings.health.path,
        proxy="",
        standby=True,
    )
    # It may still be on its way out of service: its drain holds the second lock.
    with engine.lock(request.app, "traffic"), engine.lock(request.app, serving.instance):
        traffic.move(client, request)


def _ask_schema(container: Container, release: str, observed: Observation, secrets: list[str]) -> None:
    """The guard of ``schema.py`` in the standby's own container.

    Where the database cannot be asked, the migrations of both releases tell: traffic moves before an update could ask again.
    """
    engine.put(container, names.SCHEMA, names.GUARD.read_bytes())
    rules = json.dumps({"switch": "", "newer": False, "kept": False, "only": True})
    guard = ["python3", names.SCHEMA, names.FACTS, names.FILES, release, rules]
    env_file = f"{names.ENV}/{code.env_of(container)}.env"
    status, output = container.exec_run(["python3", names.INSIDE, "run", env_file, "--", *guard])
    said = redact(bytes(output).decode(errors="replace").strip(), secrets)  # type: ignore[arg-type]
    if not status:
        return
    if status == REFUSED:
        raise AgentError(cause(said))
    kept = observed.releases.get(release)
    serving = observed.serving.release if observed.serving else ""
    if words := refusal(release, kept.migrations if kept else (), serving, observed.serving_migrations, cause(said)):
        raise AgentError(words)
