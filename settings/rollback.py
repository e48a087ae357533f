"""How long a rollback lasts: until the source is another one than it was when it was left.

``make rollback`` sets ``release`` to the kept release and notes in ``rollback`` what the source was. As long as the source is
that, every update serves the kept release. The first one with another source (a mended bug, a new commit) deploys that source.
A ``release`` that a person has set stays until a person takes it away.
"""

from settings.model import Settings
from settings.source import Source

STAYS = (
    *("maintenance", "maintenanceAllow"),
    *("release", "rollback", "hosts", "target", "services", "keepReleases"),
    *("joins", "standby", "watchSeconds", "watchErrors", "allowMigrationsOnSwitch", "allowNewerSchema"),
)
"""Keys that a rollback leaves as they are today: they are about where the site runs, not about what it is."""

CERTIFICATE = ("certificate", "certificateFile", "key", "keyFile")
"""Of ``tls``, what is never gone back on: an earlier certificate may have expired."""

DIGITS = 10
"""So many of the digest's hex digits are noted."""


def noted(source: Source) -> str:
    """What is noted of a source."""
    return source.digest[:DIGITS]


def rolled_back(settings: Settings) -> bool:
    """Whether the release that is served is one that was gone back to."""
    return settings.release is not None and settings.rollback.release == settings.release


def kept_module(settings: Settings) -> str:
    """The settings module of the release that was gone back to, '' where nobody noted it."""
    return (settings.rollback.settings or "") if rolled_back(settings) else ""


def in_force(settings: Settings, source: Source | None, rendered_from: str) -> tuple[Settings, tuple[str, ...]]:
    """The settings with what has ended of a rollback taken out, and what a person should know of it.

    ``rendered_from`` is what the proxy's configuration would be rendered from today.
    """
    back, changes, notes = settings.rollback, dict[str, object](), []
    if rolled_back(settings):
        if source is not None and back.instead and noted(source) not in back.instead:
            changes |= {"release": None}
            back = back.model_copy(update={"release": None})
            notes.append(f"the source has changed since the rollback to update {back.update}: it is deployed again")
        else:
            forward = "another source, or `pulumi config rm gateway:release`, goes forward again"
            notes.append(f"rolled back to update {back.update}: release {settings.release} is served; {forward}")
    if back.proxy:
        if back.proxy_instead != rendered_from:
            back = back.model_copy(update={"proxy": None})
            notes.append(f"templates or settings of Nginx have changed since the rollback to update {settings.rollback.update}")
        else:
            forward = "another template or setting, or `pulumi config rm gateway:rollback`, goes forward again"
            notes.append(f"Nginx has the configuration {back.proxy} of update {back.update}; {forward}")
    return settings.model_copy(update={**changes, "rollback": back}), tuple(notes)


def ended(asked: Settings, effective: Settings) -> tuple[str, ...]:
    """Keys that a rollback has left in the config and that mean nothing any more."""
    left = effective.rollback
    gone = ("release",) if rolled_back(asked) and effective.release is None else ()
    nothing_left = asked.rollback.update is not None and not rolled_back(effective) and not left.proxy
    return (*gone, *(("rollback",) if nothing_left else ()))
