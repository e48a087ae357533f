"""From settings to a target: the one place that knows which ones there are."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from settings.model import Settings
from settings.plan import Plan
from settings.preflight import check_engine
from settings.sections import Host, Login
from targets.base import Target
from targets.host.client.connection import Connection
from targets.observation import KeptRelease, Observation
from targets.served import Served
from targets.serving import Serving
from targets.shown import fault, remote_engine
from targets.sight import Sight


def observe(settings: Settings) -> Observation:
    """What is there before the update."""
    found = _observe(settings)
    seen = _certificate(settings)
    return replace(found, certificate=f"{seen} (seen {found.at})" if seen else "", issued=seen == "")


def _certificate(settings: Settings) -> str | None:
    """What is wrong with the certificate that is shown, where an ACME server is to issue it; None where nobody can tell."""
    if settings.tls.mode != "acme" or settings.joins or (settings.target == "docker" and remote_engine()):
        return None
    address = settings.listen_address if settings.target == "docker" else settings.hosts[0].address
    here = "127.0.0.1" if address in ("0.0.0.0", "::", "local") else address
    return fault(settings.names, here, settings.tls_port)


def _observe(settings: Settings) -> Observation:
    if settings.target == "host":
        from targets.host.observe import observe as ask

        return ask(connections(settings), settings.port, settings.domains[0], settings.health.path, settings.app.name)
    from targets.docker.observe import observe as look

    return look(settings.app.name)


def sight(settings: Settings, serving: Served | None, stack: str, window: float, every: float = 0) -> Sight:
    """Looks at the site: what is there, how it does, and what is other than the state says serves. ``every``: seconds between
    looks that follow one another, 0 for single ones."""
    instance, proxy = (serving.instance, serving.proxy) if serving else ("", "")
    if settings.target == "host":
        from targets.host.sight import Sight as Hosts

        request = {"app": settings.app.name, "owner": stack, "instance": instance, "window": window}
        request["proxy"] = "" if settings.joins else proxy
        return Hosts(connections(settings), request, every)
    from targets.docker.drift import Wanted
    from targets.docker.sight import Engine

    roles = () if settings.joins or not serving else kept_roles(settings)
    wanted = Wanted(instance=instance, proxy="" if settings.joins else proxy, roles=roles, stack=stack)
    return Engine(settings.app.name, wanted, window, every)


def kept_roles(settings: Settings) -> tuple[str, ...]:
    """Containers on the Docker engine that Pulumi's provider keeps."""
    services = (name for name, options in settings.services if options is not None)
    return ("proxy", *services, *(("acme",) if settings.tls.mode == "acme" else ()))


def check(settings: Settings, owner: str, observed: Observation) -> None:
    """Raises ``ConfigErrors`` when the site's name or port belongs to somebody else. Hosts are asked by the update itself."""
    if settings.target == "docker":
        check_engine(settings, owner, observed)


def releases(settings: Settings, owner: str, observed: Observation) -> Mapping[str, KeptRelease]:
    """Releases on the target, the one that served or was deployed last first. Hosts are logged in to for it."""
    if settings.target != "host":
        return observed.releases
    from targets.host import ask

    return ask.releases(connections(settings), settings.app.name, owner)


def releases_for_plan(settings: Settings, owner: str, observed: Observation) -> Mapping[str, KeptRelease]:
    """As ``releases``, but hosts are logged in to only where nothing else tells the settings module of a kept release."""
    told = settings.app.settings or settings.app.module or settings.rollback.settings
    return releases(settings, owner, observed) if settings.release and not told else observed.releases


def serving_migrations(planned: Plan, owner: str, observed: Observation) -> frozenset[str]:
    """Migrations of the release that serves; empty where nobody knows. A host is logged in to only where it matters."""
    now = observed.serving.release if observed.serving else ""
    if planned.settings.target != "host" or not planned.destructive or not now:
        return observed.serving_migrations
    if now == planned.release.release:
        return frozenset(planned.destructive)
    return releases(planned.settings, owner, observed).get(now, KeptRelease()).migrations


def standby(settings: Settings, told: Mapping[str, Mapping[str, Any]]) -> str:
    """The instance that is kept running beside the one that serves and its memory, in words; '' for none.

    ``told`` is what the stack tells of its hosts: they are not logged in to for this.
    """
    if not settings.standby:
        return ""
    if settings.target == "host":
        from targets.host.standby import kept

        return kept(told)
    from targets.docker.standby import cost

    instance = observe(settings).standby
    memory = cost(settings.app.name, instance) if instance else ""
    return f"instance {instance} is kept running{f', {memory} of memory' if memory else ''}" if instance else ""


class WayBack(Protocol):
    """An instance that is gone back to, ready before an update begins."""

    def move(self) -> str:
        """Give it the traffic; returns in words what has it, '' where that is left to the update. Raises ``AgentError``; then all
        is as it was."""

    def leave(self) -> None:
        """It is not to have the traffic after all."""


def way_back(planned: Plan, owner: str, then: Serving, observed: Observation, *, known: bool) -> WayBack | None:
    """To what ``then`` served; None where an update has to do it all. ``known``: whether Nginx serves the names of then.

    Raises ``AgentError`` when it does not start or does not know the schema; then nothing has changed.
    """
    settings = planned.settings
    if settings.target == "host":
        from targets.host.standby import WayBack as OnHosts

        return OnHosts(settings, owner, then, connections(settings)) if settings.standby else None
    from targets.docker.site import DockerSite
    from targets.docker.way_back import make_ready

    services = tuple(sorted(key for key, value in settings.services if value is not None))
    site = DockerSite(settings.app.name, first_stack(settings, owner), owner if settings.joins else "", services)
    return make_ready(planned, site, then, observed, known=known)


def make(settings: Settings, owner: str) -> Target:
    """The target's resources."""
    name = settings.app.name
    if settings.target == "host":
        from targets.host.joined import JoinedHostTarget
        from targets.host.target import HostTarget

        given: dict[str, Any] = {
            "hosts": connections(settings),
            "rolling": settings.rolling,
            "plain": settings.serving == "tcp",
            "memory": (settings.memory.high or "", settings.memory.max or ""),
        }
        if settings.joins:
            return JoinedHostTarget(name, owner=first_stack(settings, owner), stack=owner, **given)
        return HostTarget(name, owner=owner, metrics=settings.metrics, **given)
    from targets.docker import DockerTarget
    from targets.docker.joined import JoinedTarget

    services = {key: value for key, value in settings.services if value is not None}
    if settings.joins:
        return JoinedTarget(name, owner=first_stack(settings, owner), stack=owner, services=list(services))
    return DockerTarget(name, owner=owner, services=services)


def first_stack(settings: Settings, owner: str) -> str:
    """``project/stack`` of the stack whose site it is: another one where ``owner`` has joined it."""
    return f"{owner.rpartition('/')[0]}/{settings.joins}" if settings.joins else owner


def connections(settings: Settings) -> tuple[Connection, ...]:
    """How each host is reached."""
    return tuple(_connection(host) for host in settings.hosts)


def _connection(login: Login) -> Connection:
    proxy = login.proxy if isinstance(login, Host) else None
    return Connection(
        address=login.address,
        port=login.port,
        user=login.user,
        host_key=" ".join((login.host_key or "").split()[:2]),
        private_key=login.private_key.get_secret_value() if login.private_key else "",
        key_file=login.key_file or "",
        proxy=_connection(proxy) if proxy else None,
    )
