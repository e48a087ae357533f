"""Whose an instance is, where several stacks share one site: each has its own, and exactly one of them has the traffic."""

from typing import Any

from targets.common.errors import AgentError
from targets.host.agent import system
from targets.host.agent.places import Places
from targets.host.agent.requests import JoinRequest

ROLES = ("live", "previous", "standby")


def join(request: JoinRequest) -> str:
    """The site that another stack has made is there; raises where it is not."""
    places = Places(request.app)
    owner = places.owner.read_text().strip() if places.owner.exists() else ""
    if owner != request.owner or not places.site.exists():
        first = request.owner.rpartition("/")[2]
        raise AgentError(
            f"stack {first} serves no '{request.app}' on this host to join; "
            f"way out: make up STACK={first} first, with this host in its hosts"
        )
    return "joined"


def of(places: Places, instance: str) -> str:
    """The stack of an instance, '' where nobody knows it."""
    known = system.read_json(places.instances / f"{instance}.json")
    return str(known.get("stack") or known.get("owner") or "")


def units_of(places: Places, stack: str) -> set[str]:
    """Instances of that stack which have a service, and those that nobody knows."""
    return {one for one in system.units_of(places) if of(places, one) in ("", stack)}


def records(places: Places) -> dict[str, dict[str, Any]]:
    """Stack -> its instances in each role. What was noted before stacks were is of the one that serves."""
    told = system.read_json(places.serving)
    if "stacks" in told:
        return dict(told["stacks"])
    return {of(places, told["live"]): {role: told.get(role) or "" for role in ROLES}} if told.get("live") else {}


def in_role(places: Places, *roles: str) -> set[str]:
    """Instances of any stack in one of these roles."""
    return {one[role] for one in records(places).values() for role in roles if one.get(role)}


def elsewhere(places: Places, stack: str) -> str:
    """The instance of another stack that takes the traffic when this one goes, '' for none."""
    others = (told.get("live", "") for name, told in records(places).items() if name != stack)
    return next((one for one in others if one in system.units_of(places)), "")
