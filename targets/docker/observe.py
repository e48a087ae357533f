"""Facts about a site on the Docker engine, read when the program starts: what serves, what is missing, whose it is."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timezone

import docker
from docker.errors import DockerException
from docker.models.containers import Container

from targets.docker import names
from targets.docker.agent import engine
from targets.docker.requests import Serving

SECONDS = 10


@dataclass(frozen=True)
class Observation:
    """What is there. Empty where no engine answers: the update itself will say so."""

    at: str = ""
    """When; part of every fault, so that the same fault seen again makes the engine act again."""
    owners: frozenset[str] = frozenset()
    """``project/stack`` labels on the site's containers, and on its volumes."""
    serving: Serving | None = None
    """The instance that ``live.sock`` names, when its container is there."""
    live: str = ""
    """Id of the instance that ``live.sock`` names, '' when nothing does."""
    running: frozenset[str] = frozenset()
    """Instances whose container runs."""
    stopped: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    """Which of ``proxy``, ``postgres``, ``redis`` run: containers that Pulumi's Docker provider keeps."""
    ports: dict[int, str] = field(default_factory=dict)
    """Published TCP port -> container of any site."""

    def instance_fault(self, instance: str) -> str:
        """What is wrong with the instance that the state has, '' when it runs."""
        known = self.live == instance or instance in self.stopped
        return self._fault(f"container of {instance} does not run") if known and instance not in self.running else ""

    def refresh_due(self, wanted: Collection[str]) -> bool:
        """Whether a container that the provider keeps has gone, which only a refresh finds out. ``wanted`` are roles."""
        return bool(self.owners) and not self.kept.issuperset(wanted)

    def traffic_fault(self, instance: str) -> str:
        """Why traffic is not on an instance that runs already, or which others do; '' when all is well or a switch is due."""
        if instance not in self.running or not self.live:
            return ""
        if self.live != instance:
            return self._fault(f"live.sock names {self.live}")
        strays = sorted((self.running | self.stopped) - {instance})
        return self._fault(f"stray {', '.join(strays)}") if strays else ""

    def _fault(self, text: str) -> str:
        return f"{text} (seen {self.at})" if self.at else text


def observe(app: str) -> Observation:
    """Look once; costs a few milliseconds on a local engine."""
    try:
        client = docker.from_env(timeout=SECONDS)
        mine: dict[str, str | list[str] | bool] = {"label": f"{names.LABEL_APP}={app}"}
        containers = client.containers.list(all=True, filters=mine, ignore_removed=True)
        volumes = client.volumes.list(filters=mine)
        everybody = client.containers.list(ignore_removed=True)
    except (DockerException, OSError):
        return Observation()
    owners = {label for thing in containers for label in [thing.labels.get(names.LABEL_OWNER)] if label}
    owners |= {
        volume.attrs["Labels"][names.LABEL_OWNER] for volume in volumes if names.LABEL_OWNER in (volume.attrs["Labels"] or {})
    }
    by_role: dict[str, list[Container]] = {}
    for container in containers:
        by_role.setdefault(container.labels.get(names.LABEL_ROLE, ""), []).append(container)
    instances = {c.labels[names.LABEL_INSTANCE]: c for c in by_role.get("instance", [])}
    kept = frozenset(role for role in ("proxy", "postgres", "redis") for c in by_role.get(role, []) if c.status == "running")
    live = _live(client, app, by_role["proxy"][0] if "proxy" in kept else None, {volume.name for volume in volumes})
    return Observation(
        at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        owners=frozenset(owners),
        live=live,
        serving=_serving(instances[live]) if live in instances else None,
        running=frozenset(name for name, c in instances.items() if c.status == "running"),
        stopped=frozenset(name for name, c in instances.items() if c.status != "running"),
        kept=kept,
        ports={
            int(port["HostPort"]): str(c.name) for c in everybody for ports in (c.ports or {}).values() for port in ports or []
        },
    )


def change(now: Serving | None, asked: Serving) -> str:
    """What the update will do, in words."""
    if now is None:
        return f"first start of {asked.interface} ({asked.server}), release {asked.release}"
    if now.instance == asked.instance:
        return f"{now.interface} ({now.server}), release {now.release} serves and stays"
    parts = []
    if (now.interface, now.server) != (asked.interface, asked.server):
        parts.append(f"switch {now.interface} ({now.server}) -> {asked.interface} ({asked.server})")
    if now.release != asked.release:
        parts.append(f"release {now.release} -> {asked.release}")
    if not parts:
        parts.append("changed env, secrets or server options")
    return (
        f"{', '.join(parts)}: instance {asked.instance} starts beside {now.instance}, takes traffic when it is healthy, "
        f"then {now.instance} is drained and stopped; Nginx is not touched by that"
    )


def _live(client: docker.DockerClient, app: str, proxy: Container | None, volumes: Collection[str]) -> str:
    """The instance that ``live.sock`` names, asked of Nginx, or of the volume itself where Nginx does not run."""
    if proxy is not None:
        status, output = engine.run_in(proxy, "readlink", names.LIVE)
        return output.removesuffix(".sock") if status == 0 else ""
    volume = names.Names(app).volume("sockets")
    if volume not in volumes:
        return ""
    with engine.stub(client, {volume: names.SOCKETS}) as reader:
        return engine.link(reader, names.LIVE).removesuffix(".sock")


def _serving(container: Container) -> Serving:
    return Serving(**{key: container.labels.get(f"gateway.{key}", "") for key in ("interface", "server", "release", "instance")})
