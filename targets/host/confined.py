"""What systemd lets the project's code do on a host, whether it serves or runs a task."""

from rendering import units
from targets.host.agent.places import Places


def writable(places: Places) -> tuple[str, ...]:
    """Folders that it may write to."""
    return (str(places.media), str(places.data))


def task_properties(app: str, *, plain: bool) -> tuple[str, ...]:
    """Properties of a release task's unit. ``plain``: the user is www-data, with the site's group beside its own."""
    groups = [f"SupplementaryGroups={app}"] if plain else []
    return (*units.HARDENING, *groups, f"ReadWritePaths={' '.join(writable(Places(app)))}")
