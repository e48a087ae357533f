"""One update: registrations as they come, then the deletes, then what the stack tells."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from embedded.drivers.base import Driver, Values
from embedded.errors import EngineError
from embedded.execution import Execution, Sink
from embedded.plan import Goal, Plan, Step
from embedded.state import Resource, Snapshot, timestamp
from embedded.values import UNKNOWN, keep_ciphertexts, plain

PACKAGE_INPUTS = {"command": {"__pulumi-go-provider-version": "1.2.0"}}
"""What the CLI's own provider of that package adds to its inputs."""


@dataclass
class Deployment:
    """One update, preview or destroy of one stack."""

    project: str
    stack: str
    snapshot: Snapshot
    driver: Callable[[str], Driver]
    sink: Sink
    save: Callable[[], None]
    """Writes the snapshot; called with ``lock`` not held."""
    preview: bool = False
    parallel: int = 16

    def __post_init__(self) -> None:
        self.plan = Plan(self.snapshot, self.driver)
        self.execution = Execution(self.snapshot, self.driver, self.sink, self.save, self.plan.deleted, self.preview)
        self.lock, self.errors, self.fail = self.execution.lock, self.execution.errors, self.execution.fail
        self._stack_outputs: Values | None = None
        self._slots = threading.Semaphore(self.parallel)

    def urn(self, parent: str, type_: str, name: str) -> str:
        """As Pulumi names it: the types of the parents are part of it, the stack's is not."""
        above = parent.split("::")[2] if parent else ""
        path = type_ if above in ("", "pulumi:pulumi:Stack") else f"{above}${type_}"
        return f"urn:pulumi:{self.stack}::{self.project}::{path}::{name}"

    def register(self, goal: Goal, version: str = "") -> Resource:
        """Bring one resource to its goal; returns it as it is then. Raises when it, or anything before it, failed."""
        with self._slots:
            with self.lock:
                self.execution.check_running()
                if goal.resource.custom:
                    goal.resource.provider = self._provider(goal.resource.type.partition(":")[0], version)
                steps = self._planned(goal)
            for step in steps:
                self.execution.run(step)
        return goal.resource

    def _planned(self, goal: Goal) -> list[Step]:
        try:
            return self.plan.register(goal)
        except EngineError as error:
            self.fail(str(error))
            raise

    def outputs(self, urn: str, values: Values) -> None:
        """A component tells its outputs; the stack's count when the update is over."""
        with self.lock:
            if ":pulumi:pulumi:Stack::" in urn:
                self._stack_outputs = values
                return
            resource = self.execution.news[urn]
            changed = plain(resource.outputs) != plain(values)
            resource.outputs = keep_ciphertexts(values, resource.outputs)
        if changed and not self.preview:
            self.save()

    def finish(self, *, keep_protected: bool = False) -> None:
        """Delete what is not wanted any more, unless something failed; then the stack's outputs."""
        if not self.errors:
            held = self._undeletable()
            with ThreadPoolExecutor(self.parallel) as pool:
                for layer in self.plan.deletes(keep_protected=keep_protected):
                    due = [step for step in layer if step.resource.protect or step.resource.urn not in held]
                    list(pool.map(self._delete, due))
        if self._stack_outputs is not None:
            stack = next(one for one in self.execution.news.values() if one.type == "pulumi:pulumi:Stack")
            known = {key: value for key, value in self._stack_outputs.items() if value is not None and value is not UNKNOWN}
            stack.outputs = keep_ciphertexts({**stack.outputs, **known} if self.errors else known, stack.outputs)
        if not self.preview:
            self.save()

    def _undeletable(self) -> set[str]:
        """URNs of what is protected and not asked for any more, and of all that it needs."""
        kept: set[str] = set()
        for one in reversed(self.snapshot.resources):
            if (one.protect and one.urn not in self.plan.seen) or one.urn in kept:
                kept |= {one.urn, *one.needs()}
        return kept

    def _delete(self, step: Step) -> None:
        old = step.resource
        if old.protect and step.op == "delete":
            message = (
                f'resource "{old.urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either remove the '
                "`protect` flag from the resource in your Pulumi program and run `pulumi up`, or delete its data too"
            )
            self.sink.begun(step)
            self.sink.failed(step, 0, message)
            self.sink.error(message)
            with self.lock:
                self.errors.append(message)
            return
        with suppress(EngineError):
            self.execution.run(step)

    def _provider(self, package: str, version: str) -> str:
        """Reference to the package's default provider, which is in the state for the CLI's sake."""
        name = f"default_{version.replace('.', '_').replace('-', '_')}" if version else "default"
        type_ = f"pulumi:providers:{package}"
        urn = self.urn("", type_, name)
        if urn not in self.execution.news:
            old = self.snapshot.old(urn)
            values = {**PACKAGE_INPUTS.get(package, {}), **({"version": version} if version else {})}
            new = old.copy() if old else Resource(urn, type_, True, {"__internal": {}, **values}, values, str(uuid.uuid4()))
            new.created, new.modified = new.created or timestamp(), new.modified or timestamp()
            self.plan.seen.add(urn)
            self.execution.done(Step("same" if old else "create", old, new))
        return f"{urn}::{self.execution.news[urn].id}"
