"""Carries steps out: state first, then the thing, then the state again, so that no end of this process loses anything."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from embedded.drivers.base import Driver, Values
from embedded.errors import Cancelled, InitError, StepError
from embedded.plan import Step
from embedded.state import Operation, Resource, Snapshot, timestamp
from embedded.values import Secret, keep_ciphertexts, plain


class Sink(Protocol):
    """Who is told what happens."""

    def begun(self, step: Step) -> None: ...

    def ended(self, step: Step, seconds: float) -> None: ...

    def failed(self, step: Step, seconds: float, message: str) -> None: ...

    def error(self, message: str) -> None: ...

    def info(self, message: str) -> None: ...


@dataclass
class Execution:
    """The steps of one update, each on the thread that asks for it."""

    snapshot: Snapshot
    driver: Callable[[str], Driver]
    sink: Sink
    save: Callable[[], None]
    """Writes the snapshot; called with ``lock`` not held."""
    deleted: set[str]
    """URNs that are deleted before their replacement."""
    preview: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)
    news: dict[str, Resource] = field(default_factory=dict)
    """What is done, by URN."""
    errors: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """Operation -> how many resources."""
    stopped: bool = False

    def fail(self, message: str) -> None:
        """Nothing new is begun from now on."""
        with self.lock:
            self.stopped = True
            self.errors.append(message)
        self.sink.error(message)

    def check_running(self) -> None:
        """Raises ``Cancelled`` after a failure."""
        if self.stopped:
            raise Cancelled("an earlier step failed")

    def run(self, step: Step) -> None:
        """One step to its end. Raises ``StepError``, or ``Cancelled`` when it was not begun."""
        with self.lock:
            self.check_running()
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
                self.done(step)
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
            self.done(step)
        if not self.preview:
            self.save()

    def done(self, step: Step) -> None:
        """The step is a fact: into the snapshot. Called with ``lock`` held."""
        old, new = step.old, step.new
        if new is not None:
            self.news[new.urn] = new
        if step.op == "create-replacement":
            assert old is not None
            assert new is not None
            if old.urn in self.deleted or old.pending_replacement:
                self.snapshot.done(new, old)
            else:
                old.delete = True
                self.snapshot.done(new)
        elif new is not None:
            self.snapshot.done(new, old)
        elif step.op == "delete-replaced" and not step.resource.delete and old is not None and old.urn in self.deleted:
            old.pending_replacement = True
        elif old is not None:
            self.snapshot.removed(old)
        if ":providers:" not in step.resource.type and step.op not in ("create-replacement", "delete-replaced"):
            self._count(step.op)

    def _count(self, op: str) -> None:
        with self.lock:
            self.counts[op] = self.counts.get(op, 0) + 1
