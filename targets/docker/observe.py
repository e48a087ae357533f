"""Facts about a site on the Docker engine, read when the program starts."""

from collections.abc import Collection
from datetime import datetime, timezone

import docker
from docker.errors import DockerException
from docker.models.containers import Container
from docker.models.images import Image

from targets.docker import drift, names
from targets.docker.agent import engine
from targets.docker.agent.engine import kept_images
from targets.observation import Finding, KeptRelease, Observation
from targets.serving import Serving

SECONDS = 10
KEPT_ROLES = ("proxy", "postgres", "redis", "acme")


def observe(app: str) -> Observation:
    """Look once; costs a few milliseconds on a local engine."""
    try:
        client = docker.from_env(timeout=SECONDS)
        mine: dict[str, str | list[str] | bool] = {"label": f"{names.LABEL_APP}={app}"}
        containers = client.containers.list(all=True, filters=mine, ignore_removed=True)
        volumes = client.volumes.list(filters=mine)
        everybody = client.containers.list(sparse=True)  # sparse: one question for all, not one more for each
        releases = kept_releases(client, app)
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
    own, proxies = names.Names(app), by_role.get("proxy", [])
    kept = frozenset(role for role in KEPT_ROLES for c in by_role.get(role, []) if c.status == "running")
    live, standby = live_of(client, app, proxies[0] if "proxy" in kept else None, {str(volume.name) for volume in volumes})
    return Observation(
        at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        owners=frozenset(owners),
        live=live,
        standby=standby,
        stacks={name: engine.stack_of(container) for name, container in instances.items()},
        serving=_serving(instances[live]) if live in instances else None,
        running=frozenset(name for name, c in instances.items() if c.status == "running"),
        stopped=frozenset(name for name, c in instances.items() if c.status != "running"),
        kept=kept,
        releases=releases,
        drift=_drift(client, own, containers, live),
        ports={
            int(port["PublicPort"]): str(one.attrs["Names"][0]).lstrip("/")
            for one in everybody
            for port in one.attrs["Ports"]
            if "PublicPort" in port
        },
    )


def kept_releases(client: docker.DockerClient, app: str) -> dict[str, KeptRelease]:
    """Those that have an image here, the one that was deployed last first."""
    prefix = names.Names(app).image("")
    return {
        tag.removeprefix(prefix): _told(image)
        for image in kept_images(client, app)
        for tag in image.tags
        if tag.startswith(prefix)
    }


def _told(image: Image) -> KeptRelease:
    migrations = filter(None, image.labels.get(names.LABEL_MIGRATIONS, "").split(","))
    return KeptRelease(image.labels.get(names.LABEL_SETTINGS, ""), frozenset(migrations))


def _drift(client: docker.DockerClient, own: names.Names, containers: list[Container], live: str) -> tuple[Finding, ...]:
    """What only a closer look finds; who serves and what runs is told otherwise."""
    present = tuple(role for role in KEPT_ROLES if any(one.labels.get(names.LABEL_ROLE) == role for one in containers))
    try:
        return tuple(drift.found(client, own, drift.Wanted(roles=present), containers, live))
    except (DockerException, OSError):
        return ()


def live_of(client: docker.DockerClient, app: str, proxy: Container | None, volumes: Collection[str]) -> tuple[str, str]:
    """The instance that ``live.sock`` names and the standby, asked of Nginx, or of the volume where Nginx does not run."""
    if proxy is not None:
        ask = f"echo live=$(readlink {names.LIVE}); echo standby=$(cat {names.STANDBY} 2>/dev/null)"
        _, output = engine.run_in(proxy, "sh", "-c", ask)
        told = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
        return told.get("live", "").removesuffix(".sock"), told.get("standby", "")
    volume = names.Names(app).volume("sockets")
    if volume not in volumes:
        return "", ""
    with engine.stub(client, app, {volume: names.SOCKETS}) as reader:
        standby = (engine.get(reader, names.STANDBY) or b"").decode()
        return engine.link(reader, names.LIVE).removesuffix(".sock"), standby


def _serving(container: Container) -> Serving:
    return Serving(**{key: container.labels.get(f"gateway.{key}", "") for key in ("interface", "server", "release", "instance")})
