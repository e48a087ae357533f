"""What a host knows of a site and the deploying machine does not: asked before a rollback, over the update's own login."""

from targets.host.agent import releases, stacks, system
from targets.host.agent.places import Places
from targets.host.agent.requests import Request


def told(request: Request) -> dict[str, object]:
    """Who serves, which standbys could take the traffic, whose the instances are; and the kept releases, the one that served last
    first, with the settings module and the migrations of each.
    """
    places = Places(request.app)
    record = system.read_json(places.serving)
    kept = [{"release": one, **_noted(places, one)} for one in releases.all_kept(places)]
    ready = (one for one in stacks.in_role(places, "standby") if places.socket(one).exists() or places.parked(one).exists())
    standbys = sorted(ready)
    owners = {one: stacks.of(places, one) for one in system.units_of(places)}
    return {
        "live": record.get("live", ""),
        "standbys": standbys,
        "stacks": owners,
        "releases": kept,
    }


def _noted(places: Places, release: str) -> dict[str, object]:
    known = releases.told(places, release)
    return {"settings_module": known.get("settings_module", ""), "migrations": known.get("migrations", [])}
