"""From findings to a verdict: WSGI wins when unsure. And what a switch to ASGI would change."""

from collections.abc import Iterator, Sequence

from advisor.evidence import Advice, Change, Evidence, Unread
from settings.model import Interface

FEW = 10
"""Async views that gain must be at least one in so many views."""


ALWAYS = (
    Change(
        "workers",
        "an event loop in each process instead of 4 threads. Sync views still run in threads, one for each request: as many at "
        "once as come in, where WSGI has workers x threads. Start with the same number of workers",
    ),
    Change(
        "memory",
        "each process holds the project once, as before. An open connection costs little; threads, and what sync views hold, are "
        "bounded by traffic only. During a switch both instances run side by side",
    ),
    Change(
        "database",
        "CONN_MAX_AGE must be 0. With PostgreSQL use OPTIONS['pool'] (psycopg 3): workers x max_size, twice during a switch, has "
        "to stay below max_connections",
    ),
    Change(
        "proxy",
        "nothing to do here: the Nginx configuration is the same for both, it passes Upgrade and does not buffer event streams "
        "and WebSockets. A proxy in front of it has to do so too",
    ),
)


def decide(
    evidence: Sequence[Evidence],
    unread: Sequence[Unread] = (),
    files: int = 0,
    views: int = 0,
    routes_layers: bool = False,
    blind: Sequence[Unread] = (),
) -> Advice:
    """The verdict on these findings; ``views`` is about how many views there are.

    ``blind`` are unread files that might have said something.
    """
    found = tuple(sorted(set(evidence)))
    interface, because, sure = _verdict(found, views)
    if interface == "wsgi" and blind:
        because, sure = f"{because}; {blind[0].file}, which might have, could not be read", False
    return Advice(interface, because, sure, found, tuple(_changes(found, routes_layers)), tuple(sorted(unread)), files)


def _verdict(found: tuple[Evidence, ...], views: int) -> tuple[Interface, str, bool]:
    weights = {weight: [one for one in found if one.weight == weight] for weight in ("needs", "bars", "gains", "spoils")}
    weights["needs"].sort(key=lambda one: one.rule == "entry")  # what is served says more than what is missing
    needs, bars, gains, spoils = weights["needs"], weights["bars"], weights["gains"], weights["spoils"]
    if needs and bars:
        return "wsgi", f"{needs[0].where} needs ASGI, and it cannot be had yet: {bars[0].says}", False
    if needs:
        return "asgi", f"{needs[0].where} {needs[0].says}", not spoils
    if not gains:
        return "wsgi", "nothing in the project needs ASGI or gains from it", True
    first = f"{gains[0].where} {gains[0].says}"
    if bars or spoils:
        against = (bars or spoils)[0]
        return "wsgi", f"{_count(gains)} would gain from ASGI, and {against.where} speaks against it: {against.says}", False
    in_views = [one for one in gains if one.rule == "views"]
    if len(in_views) == len(gains) and len(gains) * FEW < views:
        return (
            "wsgi",
            f"only {len(gains)} of about {views} views would gain from ASGI ({gains[0].where}): too few to be sure",
            False,
        )
    return "asgi", first, True


def _count(found: Sequence[Evidence]) -> str:
    return f"{found[0].where}" if len(found) == 1 else f"{len(found)} places ({found[0].where}, ...)"


def _changes(found: tuple[Evidence, ...], layers: bool) -> Iterator[Change]:
    """What ASGI changes for whoever runs the site, on this project."""
    sockets = any(one.rule == "channels" and one.weight in ("needs", "gains") for one in found)
    yield from ALWAYS
    if sockets and layers:
        yield Change("Redis", "the channel layer needs one (services.redis: true), since there is more than one process")
    elif sockets:
        yield Change("Redis", "none is needed while no consumer sends to another process (CHANNEL_LAYERS is not set)")
    else:
        yield Change("Redis", "none is needed: no WebSockets, no channel layer")
