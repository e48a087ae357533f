"""What is there before an update, as facts of a target: what serves, what is missing, whose it is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from targets.serving import Serving

NOTES = Path(".gateway/seen")
"""Where ``make status`` keeps what it found, for the next update: below the project's folder."""


class Finding(NamedTuple):
    """Something on the target that is other than the stack made it."""

    part: str
    """What of an update mends it: ``env``, ``static``, ``proxy``, ``instance``, ``traffic``, ``kept`` (what the provider keeps);
    ``files`` (code changed inside a container) nothing does."""
    what: str
    """In words."""


@dataclass(frozen=True)
class KeptRelease:
    """What a release on the target tells of itself."""

    settings_module: str = ""
    """The one that its manage.py names, '' where nobody knows."""
    migrations: frozenset[str] = frozenset()
    """``app.0001_name`` of each migration in it; empty where nobody knows."""


@dataclass(frozen=True)
class Observation:
    """What is there. Empty where no engine answers: the update itself will say so."""

    at: str = ""
    """When; part of every fault, so that the same fault seen again makes the engine act again."""
    owners: frozenset[str] = frozenset()
    """``project/stack`` labels on the site's containers, and on its volumes."""
    serving: Serving | None = None
    """The instance that ``live.sock`` names, when its container is there."""
    live: str = ""
    """Id of the instance that ``live.sock`` names, '' when nothing does."""
    stacks: Mapping[str, str] = field(default_factory=dict)
    """Instance -> the stack that it is of, where several stacks share a site."""
    standby: str = ""
    """Id of the instance that is kept running although it does not serve."""
    running: frozenset[str] = frozenset()
    """Instances whose container runs."""
    stopped: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    """Which of ``proxy``, ``postgres``, ``redis`` run: containers that Pulumi's Docker provider keeps."""
    ports: dict[int, str] = field(default_factory=dict)
    """Published TCP port -> container of any site."""

    certificate: str = ""
    """What is wrong with the certificate that is shown to browsers; '' where all is well, or nobody can tell."""
    issued: bool = False
    """Whether one is shown that a CA has issued for all names; what an earlier try said is over then."""
    releases: Mapping[str, KeptRelease] = field(default_factory=dict)
    """Releases that are on the target, the one that was deployed last first."""

    drift: tuple[Finding, ...] = ()
    """What else is other than the stack made it."""

    def drift_fault(self, part: str) -> str:
        """What that part of an update has to mend, '' for nothing."""
        found = [one.what for one in self.drift if one.part == part]
        return self._fault("; ".join(found)) if found else ""

    def instance_fault(self, instance: str) -> str:
        """What is wrong with the instance that the state has, '' when it runs."""
        known = self.live == instance or instance in self.stopped
        if known and instance not in self.running:
            return self._fault(f"container of {instance} does not run")
        return self.drift_fault("instance") if known else ""

    def switch_to(self, interface: str) -> str:
        """``wsgi -> asgi`` when an update would switch the interface, else ''."""
        now = self.serving.interface if self.serving else interface
        return f"{now} -> {interface}" if now != interface else ""

    def taken_by(self, owner: str) -> str:
        """The other stack of the site that has the traffic, '' for none; ``owner`` is the stack that asks."""
        holder = self.stacks.get(self.live, owner)
        return holder.rpartition("/")[2] if holder != owner else ""

    @property
    def serving_migrations(self) -> frozenset[str]:
        """Of the release that serves; empty where nobody knows."""
        kept = self.releases.get(self.serving.release) if self.serving else None
        return kept.migrations if kept else frozenset()

    def refresh_due(self, wanted: Collection[str]) -> bool:
        """Whether a container that the provider keeps has gone, which only a refresh finds out. ``wanted`` are roles."""
        return bool(self.owners) and (not self.kept.issuperset(wanted) or bool(self.drift_fault("kept")))

    def traffic_fault(self, instance: str) -> str:
        """Why traffic is not on an instance that runs already, or which others do; '' when all is well or a switch is due."""
        if instance not in self.running:
            return ""
        if self.live != instance:
            return self._fault(f"live.sock names {self.live or 'nothing'}")
        mine = {one for one in self.running | self.stopped if self.stacks.get(one) == self.stacks.get(instance)}
        strays = sorted(mine - {instance, self.standby})
        return self._fault(f"stray {', '.join(strays)}") if strays else ""

    def _fault(self, text: str) -> str:
        return f"{text} (seen {self.at})" if self.at else text


def change(now: Serving | None, asked: Serving, taken_by: str = "") -> str:
    """What the update will do, in words. ``taken_by``: the other stack of the site that has the traffic."""
    if now is None:
        return f"first start of {asked.interface} ({asked.server}), release {asked.release}"
    if taken_by:
        return (
            f"this stack does not serve: stack {taken_by} does, {now.interface} ({now.server}), release {now.release}; "
            f"an update gives the traffic to {asked.interface} ({asked.server}), instance {asked.instance}, and {now.instance} "
            "stays as it is"
        )
    if now.instance == asked.instance:
        return f"{now.interface} ({now.server}), release {now.release} serves and stays"
    parts = []
    if (now.interface, now.server) != (asked.interface, asked.server):
        parts.append(f"switch {now.interface} ({now.server}) -> {asked.interface} ({asked.server})")
    if now.release != asked.release:
        parts.append(f"release {now.release} -> {asked.release}")
    if not parts:
        parts.append("changed env, secrets or server options")
    return (
        f"{', '.join(parts)}: instance {asked.instance} starts beside {now.instance}, takes traffic when it is healthy, "
        f"then {now.instance} is drained and stopped; Nginx is not touched by that"
    )
