"""Carries the steps out: state first, then the thing, then the state again, so that no end of this process loses anything."""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from embedded.drivers.base import Driver, Values
from embedded.errors import EngineError, InitError, StepError
from embedded.plan import Goal, Plan, Step
from embedded.state import Operation, Resource, Snapshot, timestamp
from embedded.values import UNKNOWN, Secret, keep_ciphertexts, plain

PACKAGE_INPUTS = {"command": {"__pulumi-go-provider-version": "1.2.0"}}
"""What the CLI's own provider of that package adds to its inputs."""


class Sink(Protocol):
    """Who is told what happens."""

    def begun(self, step: Step) -> None: ...

    def ended(self, step: Step, seconds: float) -> None: ...

    def failed(self, step: Step, seconds: float, message: str) -> None: ...

    def error(self, message: str) -> None: ...

    def info(self, message: str) -> None: ...


class Cancelled(EngineError):
    """Another step failed before this one began."""


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
    lock: threading.RLock = field(default_factory=threading.RLock)
    errors: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    stack_outputs: Values | None = None

    def __post_init__(self) -> None:
        self.plan = Plan(self.snapshot, self.driver, self.preview)
        self.news: dict[str, Resource] = {}
        self._slots = threading.Semaphore(self.parallel)
        self._stopped = False

    def urn(self, parent: str, type_: str, name: str) -> str:
        """As Pulumi names it: the types of the parents are part of it, the stack's is not."""
        above = parent.split("::")[2] if parent else ""
        path = type_ if above in ("", "pulumi:pulumi:Stack") else f"{above}${type_}"
        return f"urn:pulumi:{self.stack}::{self.project}::{path}::{name}"

    def register(self, goal: Goal, version: str = "") -> Resource:
        """Bring one resource to its goal; returns it as it is then. Raises when it, or anything before it, failed."""
        with self._slots:
            with self.lock:
                self._check_running()
                if goal.resource.custom:
                    goal.resource.provider = self._provider(goal.resource.type.partition(":")[0], version)
                steps = self._planned(goal)
            for step in steps:
                self._run(step)
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
                self.stack_outputs = values
                return
            resource = self.news[urn]
            changed = plain(resource.outputs) != plain(values)
            resource.outputs = keep_ciphertexts(values, resource.outputs)
        if changed and not self.preview:
            self.save()

    def finish(self, *, keep_protected: bool = False) -> None:
        """Delete what is not wanted any more, unless something failed; then the stack's outputs."""
        if not self.errors:
            with ThreadPoolExecutor(self.parallel) as pool:
                for layer in self.plan.deletes(keep_protected=keep_protected):
                    list(pool.map(self._delete, [step for step in layer if not self._held(step)]))
        if self.stack_outputs is not None:
            stack = next(one for one in self.news.values() if one.type == "pulumi:pulumi:Stack")
            known = {key: value for key, value in self.stack_outputs.items() if value is not None and value is not UNKNOWN}
            stack.outputs = keep_ciphertexts({**stack.outputs, **known} if self.errors else known, stack.outputs)
        if not self.preview:
            self.save()

    def fail(self, message: str) -> None:
        """Nothing new is begun from now on."""
        with self.lock:
            self._stopped = True
            self.errors.append(message)
        self.sink.error(message)

    def _held(self, step: Step) -> bool:
        """Something that needs it could not be deleted."""
        return any(step.resource.urn in one.needs() for one in self._undeletable)

    @property
    def _undeletable(self) -> list[Resource]:
        found: list[Resource] = []
        for one in reversed(self.snapshot.resources):
            if (one.protect and one.urn not in self.plan.seen) or any(one.urn in other.needs() for other in found):
                found.append(one)
        return found

    def _delete(self, step: Step) -> None:
        old = step.resource
        if old.protect and step.op == "delete":
            message = (
                f'resource "{old.urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either remove the '
                "`protect` flag from the resource in your Pulumi program and run `pulumi up`, or delete its data too"
            )
            self.sink.begun(step)
            self.sink.failed(step, 0, message)
            with self.lock:
                self.errors.append(message)
            return
        with suppress(EngineError):
            self._run(step)

    def _check_running(self) -> None:
        if self._stopped:
            raise Cancelled("an earlier step failed")

    def _provider(self, package: str, version: str) -> str:
        """Reference to the package's default provider, which is in the state for the CLI's sake."""
        name = f"default_{version.replace('.', '_').replace('-', '_')}" if version else "default"
        type_ = f"pulumi:providers:{package}"
        urn = self.urn("", type_, name)
        if urn not in self.news:
            old = self.snapshot.old(urn)
            values = {**PACKAGE_INPUTS.get(package, {}), **({"version": version} if version else {})}
            new = old.copy() if old else Resource(urn, type_, True, {"__internal": {}, **values}, values, str(uuid.uuid4()))
            new.created, new.modified = new.created or timestamp(), new.modified or timestamp()
            self.plan.seen.add(urn)
            self._step_done(Step("same" if old else "create", old, new))
        return f"{urn}::{self.news[urn].id}"

    def _run(self, step: Step) -> None:
        with self.lock:
            self._check_running()
        begun = time.monotonic()
        self.sink.begun(step)
        try:
            self._apply(step)
        except InitError as error:
            assert step.new is not None
            step.new.id, step.new.init_errors = error.id, [str(error)]
            step.new.outputs = self._outputs(step.new, error.outputs, step.old)
            self._stored(step)
            self._failed(step, begun, error)
        except StepError as error:
            self._failed(step, begun, error)
        self.sink.ended(step, time.monotonic() - begun)

    def _failed(self, step: Step, begun: float, error: StepError) -> None:
        with self.lock:
            self.snapshot.pending = [one for one in self.snapshot.pending if one.resource is not step.resource]
        if not self.preview:
            self.save()
        self.sink.failed(step, time.monotonic() - begun, str(error))
        self.fail(str(error))
        raise error

    def _apply(self, step: Step) -> None:
        old, new, kind = step.old, step.new, step.resource.type
        if step.op == "same":
            assert old is not None
            assert new is not None
            new.id, new.outputs = old.id, old.outputs
            new.created, new.modified, new.init_errors = old.created, old.modified, old.init_errors
            new.inputs = keep_ciphertexts(new.inputs, old.inputs)
            new.unknown = old.unknown
            with self.lock:
                self._step_done(step)
        elif step.op == "replace":
            self._count("replace")
        elif not step.resource.custom or ":providers:" in kind or self.preview:
            self._without_driver(step)
        else:
            self._with_driver(step, self.driver(kind))

    def _without_driver(self, step: Step) -> None:
        old, new = step.old, step.new
        if new is not None and new.custom:
            new.id = old.id if old is not None and step.op == "update" else ""
            before = plain(old.outputs) if old is not None and step.op == "update" else None
            known = self.driver(new.type).preview(plain(new.inputs), before)
            new.outputs = self._outputs(new, known, old)
        self._stored(step)

    def _with_driver(self, step: Step, driver: Driver) -> None:
        old, new = step.old, step.new
        self._begin(step)
        if new is None:
            assert old is not None
            if not old.retain_on_delete and step.op != "remove-pending-replace":
                driver.delete(old.id, plain(old.inputs), plain(old.outputs))
        elif step.op == "update":
            assert old is not None
            new.id = old.id
            new.outputs = self._outputs(new, driver.update(old.id, plain(old.outputs), plain(new.inputs)), old)
        else:
            new.id, outputs = driver.create(new.name, plain(new.inputs))
            new.outputs = self._outputs(new, outputs, old)
        self._stored(step)

    def _outputs(self, new: Resource, outputs: Values, old: Resource | None) -> Values:
        """What the driver said, with secrets marked: inputs that were, and outputs that are declared to be."""
        marked = {}
        for key, value in outputs.items():
            given = new.inputs.get(key)
            if given is not None and plain(given) == value:
                marked[key] = given
            elif key in new.additional_secret_outputs:
                marked[key] = Secret(value)
            else:
                marked[key] = value
        new.inputs = keep_ciphertexts(new.inputs, old.inputs if old else None)
        kept: Values = keep_ciphertexts(marked, old.outputs if old else None)
        return kept

    def _begin(self, step: Step) -> None:
        verb = {"update": "updating", "create": "creating", "create-replacement": "creating"}.get(step.op, "deleting")
        with self.lock:
            self.snapshot.pending.append(Operation(verb, step.resource))
        self.save()

    def _stored(self, step: Step) -> None:
        now = timestamp()
        if step.new is not None:
            step.new.modified = now
            if step.op != "update" or not step.new.created:
                step.new.created = now
        with self.lock:
            self.snapshot.pending = [one for one in self.snapshot.pending if one.resource is not step.resource]
            self._step_done(step)
        if not self.preview:
            self.save()

    def _step_done(self, step: Step) -> None:
        old, new = step.old, step.new
        if new is not None:
            self.news[new.urn] = new
        if step.op == "create-replacement":
            assert old is not None
            assert new is not None
            if old.urn in self.plan.deleted or old.pending_replacement:
                self.snapshot.done(new, old)
            else:
                old.delete = True
                self.snapshot.done(new)
        elif new is not None:
            self.snapshot.done(new, old)
        elif step.op == "delete-replaced" and not step.resource.delete and old is not None and not self._last(old):
            old.pending_replacement = True
        elif old is not None:
            self.snapshot.removed(old)
        if ":providers:" not in step.resource.type and step.op not in ("create-replacement", "delete-replaced"):
            self._count(step.op)

    def _last(self, old: Resource) -> bool:
        return old.urn not in self.plan.deleted

    def _count(self, op: str) -> None:
        with self.lock:
            self.counts[op] = self.counts.get(op, 0) + 1
