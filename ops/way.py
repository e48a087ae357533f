"""The way back: to which update, what has to be written into the config for it, what it brings; nothing is touched."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops import changes, stack_config, updates
from ops.errors import BadConfig
from ops.stack_config import Difference
from ops.updates import Update
from rendering.nginx import rendered_from
from settings import ConfigErrors, Settings, load
from settings.plan import Plan, plan
from settings.rollback import noted
from settings.source import open_source
from targets import choose as targets
from targets.observation import KeptRelease, Observation
from targets.served import Served


@dataclass(frozen=True)
class Way:
    """From what serves to what is gone back to."""

    to: Update
    config: Mapping[str, Any]
    """The whole config that the update will have."""
    write: Difference
    comes_back: tuple[str, ...]
    plan: Plan
    seen: Observation
    """What was there when the way was looked for."""
    known: bool
    """Whether Nginx serves the names of then."""


def pick(found: Sequence[Update], served: Sequence[Served], to: int | None) -> Update:
    """The update to go back to. Raises ``BadConfig`` where there is none."""
    states = [one for one in found if one.served]
    numbers = ", ".join(str(one.number) for one in states) or "none"
    if to is None:
        point = updates.rollback_point(found, served)
        if point is None:
            way_out = f"; way out: make rollback TO=, one of {numbers}" if len(states) > 1 else ""
            raise BadConfig(f"there is nothing to go back to: no other update served before{way_out}")
        return point
    named = updates.by_number(found, to)
    if named is None or not named.served:
        raise BadConfig(f"cannot go back to update {to}: {_why(named)}; those that served: {numbers}; way out: make history")
    return named


def _why(named: Update | None) -> str:
    if named is None:
        return "there is no such update"
    if named.kind != "update":
        return f"it is a {named.kind}"
    if named.result != "succeeded":
        return f"it {named.result} and never served"
    return "what it served is not on record any more, since the stack was taken down after it, or it is too long ago"


def find(
    stack_name: str,
    rows: Mapping[str, Mapping[str, Any]],
    target: Update,
    found: Sequence[Update],
    served: Sequence[Served],
    *,
    keep_secrets: bool,
) -> Way:
    """What has to be written so that the config in ``rows`` is that of then, and what it brings. Raises ``BadConfig``."""
    if target.unreadable and not keep_secrets:
        raise BadConfig(_unreadable(target, stack_name))
    now, hidden = updates.values(rows), updates.secret_keys(rows) | target.secret
    wanted = stack_config.restored(now, target.config, keep=hidden if keep_secrets else ())
    if wanted.get("interface") == "auto" and target.serving:
        wanted["interface"] = target.serving.interface  # what the advisor said then: today it would keep what serves now
    try:
        assert target.serving is not None  # `pick` has seen to it
        settings = _load({**wanted, "release": target.serving.release, "rollback": {}}, stack_name, hidden)
        seen = targets.observe(settings)
        releases = targets.releases(settings, f"gateway/{stack_name}", seen)
        _check_kept(target, found, releases, settings)
        wanted |= _pins(target, served, now, settings, releases)
        wanted = {key: value for key, value in wanted.items() if value is not None}
        planned = plan(_load(wanted, stack_name, hidden), releases)
    except ConfigErrors as error:
        raise BadConfig(f"the config of update {target.number} does not do any more: {error}") from None
    parts = changes.in_words(now, wanted, served_before=served[0] if served else None, served_after=target.serving, secret=hidden)
    known = now.get("domains") == wanted.get("domains")
    return Way(target, wanted, stack_config.difference(now, wanted, hidden), tuple(parts), planned, seen, known)


def _load(config: Mapping[str, Any], stack_name: str, hidden: Collection[str]) -> Settings:
    """As the program will load it. Raises ``ConfigErrors``."""
    return load({f"gateway:{key}": value for key, value in config.items()}, stack_name, {f"gateway:{key}" for key in hidden})


def _unreadable(target: Update, stack_name: str) -> str:
    keys = ", ".join(f"gateway:{key}" for key in sorted(target.unreadable))
    return (
        f"update {target.number} cannot be gone back to as it was: its {keys} is encrypted with another passphrase than today's; "
        f"way out: make rollback STACK={stack_name} TO={target.number} SECRETS=today, which keeps the secrets of today, "
        "or go back to an update since the passphrase was changed"
    )


def _check_kept(target: Update, found: Sequence[Update], releases: Collection[str], settings: Settings) -> None:
    """A ready image may be fetched again; everything else must be on the target. Who cannot tell what is kept says nothing."""
    assert target.serving is not None  # `pick` has seen to it
    release = target.serving.release
    if not releases or release in releases or settings.app.image:
        return
    by_release = {one.serving.release: one.number for one in reversed(found) if one.served and one.serving}
    kept = [f"{one} (update {by_release[one]})" for one in releases if one in by_release] or ["none that served"]
    raise BadConfig(
        f"release {release} is not kept any more; kept are: {', '.join(kept)}; "
        "way out: go back to one of those (TO=), or deploy its source again"
    )


def _pins(
    target: Update, served: Sequence[Served], now: Mapping[str, Any], settings: Settings, releases: Mapping[str, KeptRelease]
) -> dict[str, Any]:
    """``rollback``, which names the update, so that one that is killed is known; and for as long as the config alone would not
    bring back the release or the proxy of then, what does.
    """
    then, serving = target.config, target.serving
    assert serving is not None
    back: dict[str, Any] = {}
    release = None
    here = _source_here(settings)
    if then.get("release") and then.get("release") != then.get("rollback", {}).get("release"):
        release = then["release"]  # a person had set it, and it stays until a person takes it away
    elif not settings.app.image and (not here or here != serving.source):
        release = serving.release
        left = served[0].source if served else ""
        back |= {"release": release, "instead": sorted({here, left, *_carried(now)} - {"", serving.source})}
        module = releases.get(serving.release, KeptRelease()).settings_module
        back |= {"settings": module} if module and settings.target == "host" else {}
    today = rendered_from(settings)
    if serving.proxy and serving.rendered_from != today:
        back |= {"proxy": serving.proxy, "proxyInstead": today}
    return {"release": release, "rollback": {"update": target.number, **back}}


def _carried(now: Mapping[str, Any]) -> tuple[str, ...]:
    """Sources that an earlier rollback, still in force, has left."""
    back = now.get("rollback") or {}
    return tuple(back.get("instead", ())) if back.get("release") and back.get("release") == now.get("release") else ()


def _source_here(settings: Settings) -> str:
    """The source on this machine, '' where there is none."""
    try:
        return noted(open_source(settings.app.source, settings.app.ref)) if settings.app.source else ""
    except ConfigErrors:
        return ""
