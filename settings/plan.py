"""From settings and the project's files to what will be made: release, env, server. Pure but for reading the source."""

from collections.abc import Mapping
from dataclasses import dataclass

from rendering.identity import short_hash
from rendering.servers import ServerSpec, packages
from settings.checks import prefix
from settings.model import Settings
from settings.project import Project, inspect, requirement_names
from settings.source import Source, open_source
from targets.base import ReleaseSpec

SERVICE_URLS = {
    "postgres": ("DATABASE_URL", "postgres://{app}@%2Fvar%2Frun%2Fpostgresql/{app}"),
    "redis": ("REDIS_URL", "unix:///run/redis/redis.sock?db=0"),
}


@dataclass(frozen=True)
class Plan:
    """One site, ready to be made."""

    settings: Settings
    project: Project
    release: ReleaseSpec
    env: Mapping[str, str]
    secrets: Mapping[str, str]
    server: ServerSpec


def plan(settings: Settings) -> Plan:
    """Read the source and decide. Raises ``ConfigErrors`` for what config and source say together."""
    app = settings.app
    source = open_source(app.source, app.ref) if app.source and not settings.release else None
    project = inspect(settings, source)
    return Plan(
        settings=settings,
        project=project,
        release=_release(settings, project, source),
        env=_env(settings),
        secrets={name: value.get_secret_value() for name, value in settings.secrets.items()},
        server=ServerSpec(
            interface=settings.interface,
            server=settings.effective_server,
            entry_point=project.entry_point(settings.interface),
            workers=settings.effective_workers,
            threads=settings.threads,
            options=settings.server_options,
        ),
    )


def _release(settings: Settings, project: Project, source: Source | None) -> ReleaseSpec:
    app = settings.app
    if settings.release:
        return ReleaseSpec(release=settings.release, keep=settings.keep_releases)
    if source is None:
        return ReleaseSpec(release=short_hash(app.image), image=app.image, keep=settings.keep_releases)
    own = requirement_names(source.text(project.requirements) or "") if project.requirements else set()
    extra = packages(settings.effective_server, own) if project.requirements else ()
    return ReleaseSpec(
        release=short_hash(source.digest, project.dockerfile, project.requirements, extra, project.python),
        source=app.source,
        ref=app.ref,
        digest=source.digest,
        dockerfile=project.dockerfile,
        requirements=project.requirements,
        packages=extra,
        python=project.python,
        keep=settings.keep_releases,
    )


def _env(settings: Settings) -> dict[str, str]:
    """What the config says, and for what it leaves out: hosts and origins from ``domains``, URLs of the data services."""
    name = prefix(settings)
    derived = {
        f"{name}ALLOWED_HOSTS": ",".join(settings.domains),
        f"{name}CSRF_TRUSTED_ORIGINS": ",".join(settings.origins),
    }
    for service, (variable, url) in SERVICE_URLS.items():
        if getattr(settings.services, service) is not None:
            derived[variable] = url.format(app=settings.app.name)
    given = {**settings.env, **settings.secrets}
    return {**{key: value for key, value in derived.items() if key not in given}, **settings.env}
