"""The instance that a plan asks for: what it is called, and how it is started and proved. Pure."""

from rendering import envfile
from rendering.identity import short_hash
from rendering.servers import ServerSpec, argv
from settings.plan import Plan
from targets.base import InstanceSpec


def identity(release: str, env_id: str, server: ServerSpec, settings_module: str, revision: str) -> str:
    """10 hex digits over everything that decides how an instance behaves; ``revision`` is what the target itself brings."""
    return short_hash(release, env_id, server.interface, server.server, argv(server), settings_module, revision)


def asked(plan: Plan, revision: str) -> InstanceSpec:
    """What the program will ask its target for, on a target with that ``revision``."""
    settings, module = plan.settings, plan.project.settings_module
    env_id = envfile.digest({**plan.env, **plan.secrets})
    return InstanceSpec(
        release=plan.release.release,
        env_id=env_id,
        secret_names=tuple(sorted(plan.secrets)),
        settings_module=module,
        instance=identity(plan.release.release, env_id, plan.server, module, revision),
        interface=plan.server.interface,
        server=plan.server.server,
        argv=tuple(argv(plan.server)),
        health_host=settings.domains[0],
        health_path=settings.health.path,
        health_timeout=settings.health.timeout,
        scheme="https" if plan.certificate else "http",
        drain_seconds=settings.drain_seconds,
    )
