"""From settings and the project's files to what will be made: release, env, server. Pure but for reading the source."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rendering.identity import short_hash
from rendering.servers import ServerSpec, packages
from settings.checks import prefix
from settings.errors import ConfigErrors
from settings.model import Settings
from settings.project import Project, inspect, own_packages
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
    secrets: Mapping[str, str] = field(repr=False)
    server: ServerSpec


def plan(settings: Settings) -> Plan:
    """Read the source and decide. Raises ``ConfigErrors`` for what config and source say together."""
    source = _source(settings)
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


def _source(settings: Settings) -> Source | None:
    """The project's files. A kept release can do without: they only tell the settings module that the config leaves out."""
    app = settings.app
    if not app.source or (settings.release and (app.settings or app.module)):
        return None
    try:
        return open_source(app.source, app.ref)
    except ConfigErrors:
        if settings.release:
            return None
        raise


def _release(settings: Settings, project: Project, source: Source | None) -> ReleaseSpec:
    app = settings.app
    if settings.release:
        return ReleaseSpec(release=settings.release, keep=settings.keep_releases)
    if source is None:
        return ReleaseSpec(release=short_hash(app.image), image=app.image, keep=settings.keep_releases)
    own = own_packages(source, project.requirements) if project.requirements else set()
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
