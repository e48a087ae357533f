"""One stack on the embedded engine: what a person or a tool does with it, as with the CLI."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedded import config as settings
from embedded import drivers
from embedded.backend import Backend, manifest, to_text
from embedded.deployment import Deployment
from embedded.drivers.base import Driver
from embedded.errors import EngineError
from embedded.execution import Sink
from embedded.passphrase import PassphraseCrypter, given
from embedded.state import Operation, Resource, Snapshot
from embedded.values import is_secret, plain
from embedded.writer import Writer

Program = Callable[[], object]


@dataclass(frozen=True)
class Outcome:
    """How an update ended."""

    errors: tuple[str, ...]
    changes: dict[str, int]
    """Operation -> how many resources."""
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass
class EmbeddedStack:
    """``root`` has ``Pulumi.yaml``; ``env`` names backend and passphrase in the CLI's own variables."""

    root: Path
    env: Mapping[str, str]
    name: str
    driver: Callable[[str], Driver] = drivers.driver
    parallel: int = 16

    def __post_init__(self) -> None:
        self.project = settings.Project.load(self.root)
        self.backend = Backend(self.env["PULUMI_BACKEND_URL"], self.project.name, self.name)
        self._crypter: PassphraseCrypter | None = None

    def create(self) -> None:
        """Make the stack if it is not there yet. Raises ``WrongPassphrase``."""
        self.backend.create()
        self.crypter()

    def crypter(self) -> PassphraseCrypter:
        """For this stack's secrets; the derivation of its key takes a moment."""
        if self._crypter is None:
            self._crypter = settings.StackConfig(self.project, self.name).crypter(given(self.env))
        return self._crypter

    def config(self) -> tuple[dict[str, str], frozenset[str]]:
        """Every config value in the clear, as a program gets it; and the keys that have secrets."""
        values, crypter = settings.StackConfig(self.project, self.name).effective(), self.crypter()
        texts = {key: settings.as_text(settings.decrypted(value, crypter)) for key, value in values.items()}
        return texts, frozenset(key for key, value in values.items() if settings.has_secret(value))

    def set_config(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> None:
        """``pulumi config set``; a key without a namespace is the project's own."""
        full = key if ":" in key else f"{self.project.name}:{key}"
        crypter = self.crypter() if secret else None
        settings.StackConfig(self.project, self.name).set(full, value, path=path, crypter=crypter)

    def rewrite_config(self, removed: Sequence[str], values: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        """Paths to take out, whole values that keep their types, paths with what is encrypted: all of it or nothing."""
        crypter = self.crypter() if secrets else None
        file = settings.StackConfig(self.project, self.name)
        with file.at_once():
            for path in removed:
                file.remove(path)
            for key, value in values.items():
                file.put(key, value)
            for path, text in secrets.items():
                file.set(path, text, path=True, crypter=crypter)

    def recover_config(self) -> None:
        """``pulumi config refresh``: the file as the last update had it, secrets as they are encrypted there."""
        last = next(iter(self.history()), None)
        if last is None:
            raise EngineError(f"stack '{self.name}' has had no update whose config could be taken")
        salt = (self.backend.load().get("secrets_providers") or {}).get("state", {}).get("salt", "")
        settings.StackConfig(self.project, self.name).recover(last["config"], salt)

    def up(self, program: Program, sink: Sink, *, refresh: bool = False, message: str = "") -> Outcome:
        """Bring the stack to what ``program`` asks for."""
        with self.backend.locked():
            snapshot = self._snapshot()
            if refresh:
                self._forget_missing(snapshot)
            return self._deploy("update", snapshot, program, sink, message=message)

    def preview(self, program: Program, sink: Sink) -> Outcome:
        """The steps of an ``up``, none of them done."""
        snapshot = self._snapshot()
        deployment = self._deployment(snapshot, sink, lambda: None, preview=True)
        self._run(deployment, program)
        deployment.finish()
        return Outcome(tuple(deployment.errors), deployment.execution.counts)

    def destroy(self, sink: Sink, *, keep_protected: bool = False) -> Outcome:
        """Delete everything, or everything but what is protected and what that needs."""
        with self.backend.locked():
            return self._deploy("destroy", self._snapshot(), None, sink, keep_protected=keep_protected)

    def outputs(self) -> dict[str, Any]:
        """What the stack tells, secrets masked."""
        stack = next((one for one in self._snapshot().resources if one.type == "pulumi:pulumi:Stack"), None)
        found = stack.outputs if stack else {}
        return {key: "[secret]" if is_secret(value) else plain(value) for key, value in found.items()}

    def export(self) -> dict[str, Any]:
        """``pulumi stack export``."""
        return {"version": 3, "deployment": self.backend.load() or {"manifest": manifest()}}

    def import_(self, exported: Mapping[str, Any]) -> None:
        """``pulumi stack import``."""
        with self.backend.locked():
            self.backend.save(to_text(exported["deployment"]), backup=True)

    def history(self) -> list[dict[str, Any]]:
        """Every update, the newest first."""
        return self.backend.history()

    def _snapshot(self) -> Snapshot:
        found, crypter = self.backend.load(), self.crypter()
        provider = found.get("secrets_providers") or {"type": "passphrase"}
        if provider["type"] != "passphrase":
            raise EngineError(f"the stack's secrets are kept by '{provider['type']}'; the embedded engine has passphrases only")
        salt = provider.get("state", {}).get("salt", crypter.state)
        reader = crypter if salt == crypter.state else PassphraseCrypter(given(self.env), salt)
        # As with the CLI, only what may have been made is remembered; an update or a delete is just done again.
        pending = [one for one in found.get("pending_operations", []) if one["type"] == "creating"]
        begun = [Operation(one["type"], Resource.from_json(one["resource"], reader)) for one in pending]
        return Snapshot([Resource.from_json(one, reader) for one in found.get("resources", [])], begun)

    def _deploy(
        self,
        kind: str,
        snapshot: Snapshot,
        program: Program | None,
        sink: Sink,
        *,
        keep_protected: bool = False,
        message: str = "",
    ) -> Outcome:
        begun = int(time.time())
        writer = Writer(self.backend, self.crypter(), snapshot)
        deployment = self._deployment(snapshot, sink, writer.save)
        writer.lock = deployment.lock
        if program is not None:
            self._run(deployment, program)
        deployment.finish(keep_protected=keep_protected)
        self.backend.record(
            {
                "kind": kind,
                "startTime": begun,
                "message": message,
                "environment": {"exec.kind": "embedded"},
                "config": self._recorded(),
                "version": 0,
                "result": "failed" if deployment.errors else "succeeded",
                "endTime": int(time.time()),
                "resourceChanges": deployment.execution.counts,
            }
        )
        stack = next((one for one in snapshot.resources if one.type == "pulumi:pulumi:Stack"), None)
        return Outcome(tuple(deployment.errors), deployment.execution.counts, plain(stack.outputs) if stack else {})

    def _deployment(self, snapshot: Snapshot, sink: Sink, save: Callable[[], None], *, preview: bool = False) -> Deployment:
        return Deployment(
            self.project.name, self.name, snapshot, self.driver, sink, save, preview=preview, parallel=self.parallel
        )

    def _run(self, deployment: Deployment, program: Program) -> None:
        from embedded import monitor  # the SDK takes its time to load

        try:
            settings.StackConfig(self.project, self.name).check()
        except EngineError as error:
            deployment.fail(str(error))
            return
        config, secret = self.config()
        with _environment("PULUMI_CONFIG_SECRET_KEYS", json.dumps(sorted(secret))):
            monitor.run(deployment, config, sorted(secret), program)

    def _recorded(self) -> dict[str, Any]:
        values = settings.StackConfig(self.project, self.name).effective()
        return {key: value if isinstance(value, dict | list) else settings.as_text(value) for key, value in values.items()}

    def _forget_missing(self, snapshot: Snapshot) -> None:
        """What was taken away by hand is made again, as after ``--refresh``."""
        from embedded.drivers.docker import DockerDriver

        gone = []
        for resource in snapshot.before:
            kind = self.driver(resource.type) if resource.custom and resource.type in drivers.TYPES else None
            if isinstance(kind, DockerDriver) and not kind.read(resource.id):
                gone.append(resource)
        snapshot.forget(gone)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
