"""From settings and the project's files to what will be made: release, env, server. Pure but for reading the source."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rendering.identity import short_hash
from rendering.nginx import rendered_from
from rendering.pages import PAGES
from rendering.servers import ServerSpec, packages
from settings import agree, auto, migrations, rollback, tls
from settings.checks import prefix
from settings.env_reads import Read, missing
from settings.errors import ConfigError, ConfigErrors
from settings.model import Server, Settings
from settings.project import Project, inspect, own_packages
from settings.source import Source, open_source
from targets.base import ReleaseSpec
from targets.certificate import CertificateSpec
from targets.observation import KeptRelease

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
    pages: Mapping[str, str] = field(default_factory=dict)
    """The project's own error pages, by name."""
    certificate: CertificateSpec | None = None
    """Where Nginx's certificate comes from; None where TLS ends elsewhere."""
    rolled_back: bool = False
    """Whether the release is one that ``make rollback`` went back to."""
    kept_proxy: str = ""
    """Id of the proxy's configuration that was gone back to; '' for the one that templates and settings give."""
    ended: tuple[str, ...] = ()
    """Keys that a rollback has left in the config and that mean nothing any more."""
    destructive: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Migration in the source -> what it takes from code that still serves."""
    not_set: tuple[Read, ...] = ()
    """Variables that the settings need and that nobody sets."""
    notes: tuple[str, ...] = ()
    """What a person should know before the update, in whole sentences."""
    warnings: tuple[str, ...] = ()
    """What a person should decide, likewise."""


def plan(settings: Settings, kept: Mapping[str, KeptRelease] | None = None, serves: str = "") -> Plan:
    """Read the source and decide. Raises ``ConfigErrors`` for what config and source say together.

    ``kept`` are the releases on the target. ``serves`` is the interface that serves now, '' where none does: ``interface: auto``
    does not change it.
    """
    module = (kept or {}).get(settings.release or "", KeptRelease()).settings_module or rollback.kept_module(settings)
    source = _source(settings, module)
    asked, (settings, notes) = settings, rollback.in_force(settings, source, rendered_from(settings))
    settings, said = auto.decide(settings, source, serves)
    project = inspect(settings, source, module)
    env, secrets = _env(settings), {name: value.get_secret_value() for name, value in settings.secrets.items()}
    built = source if source and not settings.release else None
    return Plan(
        rolled_back=rollback.rolled_back(settings),
        kept_proxy=settings.rollback.proxy or "",
        ended=rollback.ended(asked, settings),
        destructive=migrations.destructive(built) if built else {},
        not_set=tuple(missing(built, project.settings_module, {*env, *secrets})) if built else (),
        notes=(*notes, *said.notes),
        warnings=(*said.warnings, *agree.warnings(settings), *tls.warnings(settings)),
        certificate=tls.certificate(settings),
        settings=settings,
        project=project,
        release=_release(settings, project, source),
        env=env,
        secrets=secrets,
        pages=_pages(settings, source),
        server=ServerSpec(
            interface=settings.speaks,
            server=settings.effective_server,
            entry_point=project.entry_point(settings.speaks),
            workers=settings.effective_workers,
            threads=settings.threads,
            request_seconds=settings.timeouts.request,
            options=settings.server_options,
        ),
    )


def _source(settings: Settings, module: str) -> Source | None:
    """The project's files. A kept release can do without: they only tell whether a rollback has ended."""
    app = settings.app
    if not app.source or (settings.release and (app.settings or app.module or module) and not settings.rollback.release):
        return None
    try:
        return open_source(app.source, app.ref)
    except ConfigErrors:
        if settings.release:
            return None
        raise


def _pages(settings: Settings, source: Source | None) -> dict[str, str]:
    """What the project has of its own in ``errorPages``."""
    folder = (settings.error_pages or "").strip("/")
    if not folder or source is None:
        return {}
    found = {name: source.text(f"{folder}/{name}") for name in PAGES}
    own = {name: text for name, text in found.items() if text}
    if not own:
        raise ConfigErrors(
            [ConfigError("errorPages", f"'{folder}', which has none of them", f"a folder with {', '.join(PAGES)}")]
        )
    return own


def _release(settings: Settings, project: Project, source: Source | None) -> ReleaseSpec:
    app = settings.app
    if settings.release:
        return ReleaseSpec(release=settings.release, keep=settings.keep_releases)
    if source is None:
        return ReleaseSpec(release=short_hash(app.image), image=app.image, keep=settings.keep_releases)
    return release_of(
        app.source or "",
        ref=app.ref,
        server=settings.effective_server,
        requirements=project.requirements,
        dockerfile=project.dockerfile,
        python=project.python,
        keep=settings.keep_releases,
        opened=source,
        settings_module=project.settings_module,
    )


def release_of(
    source: str,
    *,
    ref: str | None = None,
    server: Server = "gunicorn",
    requirements: str | None = "requirements.txt",
    dockerfile: str | None = None,
    python: str = "",
    keep: int = 5,
    opened: Source | None = None,
    settings_module: str = "",
) -> ReleaseSpec:
    """A release of the files in a folder or a git repository, named by all that it is built from.

    ``requirements`` is None with a Dockerfile of the project's own; ``opened`` are the files, where they have been read already.
    """
    files = opened or open_source(source, ref)
    extra = packages(server, own_packages(files, requirements)) if requirements else ()
    return ReleaseSpec(
        release=short_hash(files.digest, dockerfile, requirements, extra, python),
        source=source,
        ref=ref,
        digest=files.digest,
        dockerfile=dockerfile,
        requirements=requirements,
        packages=extra,
        python=python,
        keep=keep,
        settings_module=settings_module,
        migrations=migrations.names(files),
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
