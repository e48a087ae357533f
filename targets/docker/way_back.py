"""The way back ahead of the engine: the standby, or the instance of then, started from its kept release, is given the traffic
before an update has begun. The update that follows finds it done, and makes state and config agree."""

import contextlib
import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import docker
from docker.errors import APIError
from docker.models.containers import Container

from rendering import envfile
from settings.instance import asked
from settings.plan import Plan
from targets.base import TrafficSpec
from targets.common.causes import cause, redact
from targets.common.errors import AgentError
from targets.common.inside import REFUSED
from targets.common.unasked import refusal
from targets.docker import names, requests
from targets.docker.agent import code, engine, instances, releases, steps, traffic
from targets.docker.site import DockerSite
from targets.observation import Observation
from targets.serving import Serving

FAILED = "Docker failed on the way back"
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class WayBack:
    """An instance that is healthy and fits the schema, and has no traffic yet."""

    client: docker.DockerClient
    planned: Plan
    site: DockerSite
    serving: Serving
    started: requests.InstanceRequest | None = None
    """How it was started for this; None for a standby, which ran before."""
    known: bool = True
    """Whether Nginx serves the names of then, so that traffic can move at once; else the update moves it."""

    def move(self) -> str:
        """Give it the traffic; returns in words what has it, '' where that is left to the update. Raises ``AgentError``; then all
        is as it was."""
        if not self.known:
            return ""
        settings = self.planned.settings
        spec = TrafficSpec(
            instance=self.serving.instance,
            interface=self.serving.interface,
            server=self.serving.server,
            release=self.serving.release,
            health_host=settings.domains[0],
            health_path=settings.health.path,
            watch_seconds=settings.watch_seconds,
            watch_errors=settings.watch_errors,
            standby=settings.standby,
        )
        request = self.site.traffic(spec, proxy="")
        try:
            # A standby may still be on its way out of service: its drain holds the second lock.
            with engine.told(FAILED), engine.lock(request.app, "traffic"), engine.lock(request.app, self.serving.instance):
                traffic.move(self.client, request)
        except AgentError:
            with contextlib.suppress(AgentError):
                self.leave()
            raise
        return f"the standby {self.serving.instance}" if self.started is None else f"instance {self.serving.instance}"

    def leave(self) -> None:
        """It is not to have the traffic after all: what was started for it goes."""
        if self.started is not None:
            with engine.told(FAILED):
                instances.stop(self.client, self.started)
                steps.remove_env(self.client, _env(self.planned, self.site, self.started.env_id))


def make_ready(planned: Plan, site: DockerSite, then: Serving, observed: Observation, *, known: bool) -> WayBack | None:
    """The way back to what ``then`` served; None where an update has to make more than an instance.

    Raises ``AgentError`` when it does not start, or does not know the schema; then all is as it was.
    """
    with engine.told(FAILED):
        client = engine.connect()
        if planned.settings.standby and observed.standby == then.instance:
            container = engine.find(client, names.Names(site.app).instance(then.instance))
            if container is None:
                raise AgentError(f"the standby {then.instance} is gone")
            _expect_schema(container, planned, observed)
            return WayBack(client, planned, site, then, known=known)
        spec = asked(planned, names.REVISION)
        if spec.instance == observed.live or not _all_there(planned, site, observed):
            return None
        serving = Serving(interface=spec.interface, server=spec.server, release=spec.release, instance=spec.instance)
        started = site.instance(spec, releases.build(client, site.release(planned.release)))
        back = WayBack(client, planned, site, serving, started, known)
        steps.write_env(client, _env(planned, site, spec.env_id))
        try:
            _start(back, started, observed)
        except BaseException:
            with contextlib.suppress(AgentError):
                back.leave()
            raise
        return back


def _all_there(planned: Plan, site: DockerSite, observed: Observation) -> bool:
    """Whether image, Nginx and data services are there, so that an instance is all that is missing."""
    kept = planned.release.release in observed.releases
    return bool(kept and observed.live and observed.kept >= {"proxy", *site.services})


def _env(planned: Plan, site: DockerSite, env_id: str) -> requests.EnvRequest:
    text = envfile.render({**planned.env, **planned.secrets})
    return requests.EnvRequest(app=site.app, owner=site.owner, env_id=env_id, text=text)


def _start(back: WayBack, request: requests.InstanceRequest, observed: Observation) -> None:
    """Start it, and meanwhile ask in its container whether it knows the schema: that is the better reason where it does not."""
    with ThreadPoolExecutor(1) as beside:
        starting = beside.submit(instances.start, engine.connect(), request)
        container = _running(back.client, names.Names(request.app).instance(request.instance), starting)
        try:
            if container is not None:
                _expect_schema(container, back.planned, observed)
        except APIError:
            starting.result()  # it went away while it was asked: the start tells why
            raise
        starting.result()


def _running(client: docker.DockerClient, name: str, starting: "Future[str]") -> Container | None:
    """Its container once it runs; None when it has ended before."""
    while not starting.done():
        container = engine.find(client, name)
        if container is not None and container.status == "running":
            return container
        time.sleep(LOOK_SECONDS)
    return None


def _expect_schema(container: Container, planned: Plan, observed: Observation) -> None:
    settings, release = planned.settings, container.labels.get(names.LABEL_RELEASE, "")
    if not settings.allow_newer_schema:
        _ask_schema(container, release, observed, list(planned.secrets.values()))


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
