"""What a stack has: resources in order of dependency, and the operations that were begun and not ended."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from embedded.values import Crypter, from_state, to_state

# Name in a checkpoint -> attribute, for what a resource of ours may have beside urn, inputs and outputs. What else a checkpoint
# of the CLI says about a resource is kept as it is.
OPTIONAL = {
    "delete": "delete",
    "id": "id",
    "parent": "parent",
    "protect": "protect",
    "dependencies": "dependencies",
    "initErrors": "init_errors",
    "provider": "provider",
    "propertyDependencies": "property_dependencies",
    "pendingReplacement": "pending_replacement",
    "additionalSecretOutputs": "additional_secret_outputs",
    "customTimeouts": "custom_timeouts",
    "retainOnDelete": "retain_on_delete",
    "created": "created",
    "modified": "modified",
    "sourcePosition": "source_position",
    "ignoreChanges": "ignore_changes",
    "replaceOnChanges": "replace_on_changes",
}


@dataclass(eq=False)
class Resource:
    """One resource as the state has it."""

    urn: str
    type: str
    custom: bool
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    parent: str = ""
    provider: str = ""
    """``<urn>::<id>`` of the provider resource."""
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    delete: bool = False
    """Replaced, and to be deleted at the end of this update or of the next one."""
    pending_replacement: bool = False
    """Deleted before its replacement, which is not there yet."""
    protect: bool = False
    retain_on_delete: bool = False
    init_errors: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, Any] = field(default_factory=dict)
    created: str = ""
    modified: str = ""
    source_position: str = ""
    unknown: dict[str, Any] = field(default_factory=dict)
    """What only the CLI writes."""

    @property
    def name(self) -> str:
        """The logical name."""
        return self.urn.split("::")[-1]

    def needs(self) -> set[str]:
        """URNs that must outlive it: dependencies, parent, provider."""
        provider = self.provider.rpartition("::")[0]
        properties = (urn for urns in self.property_dependencies.values() for urn in urns)
        return {urn for urn in (*self.dependencies, *properties, self.parent, provider) if urn}

    def copy(self) -> Resource:
        """Another object with the same values."""
        return copy.copy(self)

    def to_json(self, crypter: Crypter) -> dict[str, Any]:
        """As a checkpoint stores it."""
        found = {"urn": self.urn, "custom": self.custom, "type": self.type}
        found |= {name: getattr(self, attribute) for name, attribute in OPTIONAL.items() if getattr(self, attribute)}
        for name in ("inputs", "outputs"):
            if values := getattr(self, name):
                found[name] = to_state(values, crypter)
        return found | self.unknown

    @staticmethod
    def from_json(found: Mapping[str, Any], crypter: Crypter) -> Resource:
        """As a checkpoint has it."""
        known = {"urn", "type", "custom", "inputs", "outputs", *OPTIONAL}
        options = {attribute: found[name] for name, attribute in OPTIONAL.items() if name in found}
        return Resource(
            urn=found["urn"],
            type=found["type"],
            custom=found["custom"],
            inputs=from_state(found.get("inputs", {}), crypter),
            outputs=from_state(found.get("outputs", {}), crypter),
            unknown={name: value for name, value in found.items() if name not in known},
            **options,
        )


@dataclass(eq=False)
class Operation:
    """Something that was begun: ``creating``, ``updating`` or ``deleting`` a resource."""

    type: str
    resource: Resource


class Snapshot:
    """The state while an update works on it: what is done first, then what the update has not come to yet."""

    def __init__(self, resources: Iterable[Resource] = (), pending: Iterable[Operation] = ()) -> None:
        self.before = list(resources)
        self.now: list[Resource] = []
        self.gone: set[int] = set()
        """Identities of resources of ``before`` that are replaced by one of ``now``, or deleted."""
        self.pending = list(pending)

    @property
    def resources(self) -> list[Resource]:
        """Everything, dependencies first."""
        return [*self.now, *(resource for resource in self.before if id(resource) not in self.gone)]

    def old(self, urn: str) -> Resource | None:
        """What the last update left under that URN; not what only waits for its deletion."""
        return self._by_urn.get(urn)

    @cached_property
    def _by_urn(self) -> dict[str, Resource]:
        return {resource.urn: resource for resource in self.before if not resource.delete}

    def done(self, new: Resource, old: Resource | None = None) -> None:
        """``new`` is there, in place of ``old``."""
        self.now.append(new)
        if old is not None:
            self.gone.add(id(old))

    def removed(self, old: Resource) -> None:
        """``old`` is there no more."""
        self.gone.add(id(old))
        if old in self.now:
            self.now.remove(old)

    def forget(self, gone: Iterable[Resource]) -> None:
        """They are not there any more, and nothing that is left says that it needs them."""
        urns = {resource.urn for resource in gone}
        self.before = [resource for resource in self.before if resource.urn not in urns]
        for one in self.before:
            one.dependencies = [urn for urn in one.dependencies if urn not in urns]
            properties = one.property_dependencies.items()
            one.property_dependencies = {key: [urn for urn in needed if urn not in urns] for key, needed in properties}


def timestamp() -> str:
    """Now, as a checkpoint has it."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def dependents_of(root: Resource, resources: Iterable[Resource]) -> list[Resource]:
    """What needs ``root``, directly or not, in the order given (dependencies first)."""
    urns, found = {root.urn}, []
    for resource in resources:
        if resource is not root and resource.needs() & urns:
            urns.add(resource.urn)
            found.append(resource)
    return found


def layers(condemned: list[Resource]) -> list[list[Resource]]:
    """In which order they may be deleted: those of one layer at the same time, dependants before what they need."""
    remaining, found = list(condemned), list[list[Resource]]()
    while remaining:
        urns = {resource.urn for resource in remaining}
        layer = [one for one in remaining if not (one.needs() - {one.urn}) & urns] or remaining
        found.append(layer)
        placed = set(map(id, layer))
        remaining = [one for one in remaining if id(one) not in placed]
    return found[::-1]
