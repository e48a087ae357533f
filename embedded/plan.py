"""From what the program asks for and what the state has to the steps of an update: Pulumi's rules for the types used here."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from embedded.drivers.base import Diff, Driver
from embedded.errors import EngineError
from embedded.state import Resource, Snapshot, dependents_of, layers
from embedded.values import UNKNOWN, plain


@dataclass(frozen=True, eq=False)
class Step:
    """One operation on one resource."""

    op: str
    """same, create, update, delete, create-replacement, replace, delete-replaced or remove-pending-replace."""
    old: Resource | None = None
    new: Resource | None = None
    keys: tuple[str, ...] = ()
    """The inputs that are the reason."""

    @property
    def resource(self) -> Resource:
        """The one that it is about."""
        found = self.new or self.old
        assert found is not None
        return found


@dataclass(frozen=True, eq=False)
class Goal:
    """What the program registered."""

    resource: Resource
    """Inputs as the program gave them; no id, no outputs."""
    delete_before_replace: bool | None = None


@dataclass
class Plan:
    """Decides one registration after the other; ``deletes`` comes last."""

    snapshot: Snapshot
    driver: Callable[[str], Driver]
    seen: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    """URNs deleted before their replacement, or before that of what they need."""

    def register(self, goal: Goal) -> list[Step]:
        """The steps that bring the resource to its goal. Raises ``EngineError`` for one that may not be done."""
        new = goal.resource
        if new.urn in self.seen:
            raise EngineError(f"Duplicate resource URN '{new.urn}'; try giving it a unique name")
        self.seen.add(new.urn)
        old, asked = self.snapshot.old(new.urn), new.inputs
        if old is not None:
            new.inputs = ignoring(new.ignore_changes, new.inputs, old.inputs)
            new.created = old.created
        if not new.custom:
            return [Step("create", new=new)] if old is None else self._component(old, new)
        driver = self.driver(new.type)
        new.inputs = driver.check(new.inputs)
        if old is None:
            return [Step("create", new=new)]
        if new.urn in self.deleted:
            return [Step("replace", old, new), Step("create-replacement", old, new)]
        diff = self._diff(driver, old, new.inputs, new.replace_on_changes)
        if diff.replace or old.pending_replacement:
            new.inputs = driver.check(asked)
            return self._replace(old, new, diff, goal.delete_before_replace)
        if diff.changed or old.init_errors:
            return [Step("update", old, new, diff.keys)]
        return [Step("same", old, new)]

    def _component(self, old: Resource, new: Resource) -> list[Step]:
        return [Step("same" if plain(old.inputs) == plain(new.inputs) else "update", old, new)]

    def _diff(self, driver: Driver, old: Resource, inputs: Mapping[str, Any], replace_on_changes: list[str]) -> Diff:
        diff = driver.diff(plain(old.inputs), plain(old.outputs), plain(inputs))
        if any(_covers(pattern, path) for pattern in replace_on_changes for path in diff.changed):
            return Diff(diff.changed, True, diff.delete_first)
        return Diff(diff.changed, True, diff.delete_first) if old.init_errors and not diff.replace else diff

    def _replace(self, old: Resource, new: Resource, diff: Diff, wanted: bool | None) -> list[Step]:
        if old.protect and new.protect:
            raise EngineError(
                f'unable to replace resource "{new.urn}"\nas it is currently marked for protection. To unprotect the resource, '
                "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
            )
        create, replace = Step("create-replacement", old, new, diff.keys), Step("replace", old, new, diff.keys)
        if not (diff.delete_first if wanted is None else wanted):
            return [create, replace]
        steps = []
        for dependent in reversed(self._replaced_too(old)):
            if dependent.urn in self.deleted:
                continue
            if dependent.protect:
                raise EngineError(
                    f'unable to replace resource "{dependent.urn}" as part of replacing "{new.urn}" as it is currently marked '
                    "for protection"
                )
            steps.append(Step("delete-replaced", dependent))
            self.deleted.add(dependent.urn)
        if not old.pending_replacement:
            self.deleted.add(old.urn)
            steps.append(Step("delete-replaced", old))
        return [*steps, replace, create]

    def _replaced_too(self, root: Resource) -> list[Resource]:
        """What depends on ``root`` by an input whose change replaces it: it cannot outlive ``root``."""
        replaced = {root.urn}
        later = [one for one in self.snapshot.before if one.urn not in self.seen or one is root]
        found = []
        for one in dependents_of(root, later):
            moved = {key for key, urns in one.property_dependencies.items() if replaced & set(urns)}
            if one.custom and moved and not one.delete:
                inputs = {key: UNKNOWN if key in moved else value for key, value in one.inputs.items()}
                if self._diff(self.driver(one.type), one, inputs, one.replace_on_changes).replace:
                    replaced.add(one.urn)
                    found.append(one)
        return found

    def deletes(self, *, keep_protected: bool = False) -> list[list[Step]]:
        """What nothing asked for and what was replaced, in layers that may be deleted one after the other."""
        steps: dict[int, Step] = {}
        kept = self._protected_and_needed() if keep_protected else set()
        for old in self.snapshot.before:
            if old.urn in kept and not old.delete:
                continue
            if old.delete:
                steps[id(old)] = Step("delete-replaced", old)
            elif old.urn not in self.seen and old.urn not in self.deleted:
                steps[id(old)] = Step("remove-pending-replace" if old.pending_replacement else "delete", old)
            elif old.urn not in self.seen:
                steps[id(old)] = Step("remove-pending-replace", old)
        condemned = [old for old in self.snapshot.before if id(old) in steps]
        return [[steps[id(old)] for old in layer] for layer in layers(condemned)]

    def _protected_and_needed(self) -> set[str]:
        kept: set[str] = set()
        for old in reversed(self.snapshot.before):
            if old.protect or old.urn in kept:
                kept |= {old.urn, *old.needs()}
        return kept


def ignoring(paths: list[str], new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """``new`` with what ``old`` has at top-level ``paths``."""
    found = dict(new)
    for path in paths:
        if path in old:
            found[path] = old[path]
        else:
            found.pop(path, None)
    return found


def _covers(pattern: str, path: str) -> bool:
    """Whether ``triggers[*]`` says something about ``triggers[0]``."""
    wanted, got = (re.findall(r"[^.\[\]]+", text) for text in (pattern, path))
    return len(wanted) <= len(got) and all(one in ("*", other) for one, other in zip(wanted, got, strict=False))
