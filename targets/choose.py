"""From settings to a target: the one place that knows which ones there are."""

from dataclasses import replace

from settings.model import Host, Login, Settings
from settings.preflight import check_engine
from targets.base import Target
from targets.host.client.connection import Connection
from targets.observation import Observation
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

        request = {"app": settings.app.name, "owner": stack, "instance": instance, "proxy": proxy, "window": window}
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


def standby_cost(settings: Settings, instance: str) -> str:
    """Memory of an instance that is kept running, in words; '' where nobody can tell."""
    if settings.target != "docker":
        return ""
    from targets.docker.standby import cost

    return cost(settings.app.name, instance)


def to_standby(settings: Settings, owner: str, serving: Serving, observed: Observation) -> bool:
    """Give the standby the traffic at once, where it is what is gone back to. Raises ``AgentError``; then nothing has changed."""
    if not settings.standby or observed.standby != serving.instance or settings.target != "docker":
        return False
    from targets.docker.standby import go_back

    go_back(settings, owner, serving)
    return True


def make(settings: Settings, owner: str) -> Target:
    """The target's resources."""
    name = settings.app.name
    if settings.target == "host":
        from targets.host.target import HostTarget

        return HostTarget(
            name,
            owner=owner,
            hosts=connections(settings),
            rolling=settings.rolling,
            plain=settings.serving == "tcp",
            memory=(settings.memory.high or "", settings.memory.max or ""),
            metrics=settings.metrics,
        )
    from targets.docker import DockerTarget
    from targets.docker.joined import JoinedTarget

    services = {key: value for key, value in settings.services if value is not None}
    if settings.joins:
        first = f"{owner.rpartition('/')[0]}/{settings.joins}"
        return JoinedTarget(name, owner=first, stack=owner, services=list(services))
    return DockerTarget(name, owner=owner, services=services)


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
