"""One stack on the embedded engine, as ops knows a stack."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from typing import Any

from embedded import config as values
from embedded.errors import EngineError, Locked, NotSupported, WrongPassphrase
from embedded.monitor import main_file
from embedded.plan import Step
from embedded.stack import EmbeddedStack, Outcome
from ops.engines import UpdateFailed
from ops.errors import BadConfig, Failed, Missing
from ops.progress import Progress
from ops.updates import UNREADABLE
from ops.workspace import Workspace


class Embedded:
    """Everything in this process; the state and the config are the CLI's own files."""

    label = "embedded engine"

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace, self.name = workspace, name
        with _told():
            self._stack = EmbeddedStack(workspace.root, workspace.env, name)

    def open(self) -> None:
        with _told():
            self._stack.create()

    def config_rows(self) -> Mapping[str, Mapping[str, Any]]:
        with _told():
            found = values.StackConfig(self._stack.project, self.name).effective()
            return self._rows(found)

    def _rows(self, found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        rows = {}
        for key, value in found.items():
            clear = values.decrypted(value, self._stack.crypter())
            rows[key] = {"value": values.as_text(clear), "secret": values.has_secret(value)}
            if isinstance(clear, dict | list):
                rows[key]["objectValue"] = clear
        return rows

    def config(self) -> tuple[dict[str, Any], frozenset[str]]:
        rows = self.config_rows()
        return {key: row["value"] for key, row in rows.items()}, frozenset(key for key, row in rows.items() if row["secret"])

    def set_config(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> None:
        with _told():
            self._stack.set_config(key, value.rstrip("\n"), secret=secret, path=path)

    def rewrite_config(
        self, *, removed: Sequence[str] = (), values: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None
    ) -> None:
        with _told():
            self._stack.rewrite_config(removed, values or {}, secrets or {})

    def recover_config(self) -> None:
        with _told():
            self._stack.recover_config()

    def up(self, progress: Progress, *, refresh: bool = False, message: str | None = None) -> dict[str, Any]:
        with _told():
            done = self._stack.up(self._program(), _Told(progress), refresh=refresh, message=message or "")
        return _checked(done).outputs

    def preview(self, progress: Progress) -> None:
        with _told():
            _checked(self._stack.preview(self._program(), _Told(progress)))

    def destroy(self, progress: Progress, *, keep_protected: bool) -> None:
        with _told():
            _checked(self._stack.destroy(_Told(progress), keep_protected=keep_protected))

    def unprotect_all(self) -> None:
        state = self.export()
        for resource in state["deployment"].get("resources", []):
            resource.pop("protect", None)
        self.import_(state)

    def outputs(self) -> dict[str, Any]:
        with _told():
            return self._stack.outputs()

    def export(self) -> dict[str, Any]:
        with _told():
            return self._stack.export()

    def import_(self, state: Mapping[str, Any]) -> None:
        with _told():
            self._stack.import_(state)

    def history(self) -> list[dict[str, Any]]:
        with _told():
            found = self._stack.history()
            return [{**one, **_times(one), "config": self._past(one.get("config", {}))} for one in found]

    def _past(self, found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Rows of an earlier update; of secrets from before a change of the passphrase only that nobody can read them now."""
        rows: dict[str, dict[str, Any]] = {}
        for key, value in found.items():
            try:
                rows |= self._rows({key: value})
            except WrongPassphrase:
                rows[key] = {"value": UNREADABLE, "secret": True}
        return rows

    def _program(self) -> Callable[[], object]:
        return main_file(self.workspace.root)


class _Told:
    """The engine's steps as progress."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def begun(self, step: Step) -> None:
        self.progress.begun(step.resource.urn)

    def ended(self, step: Step, seconds: float) -> None:
        self.progress.done(step.resource.urn, step.op, step.keys)

    def failed(self, step: Step, seconds: float, message: str) -> None:
        self.progress.failed(step.resource.urn)

    def error(self, message: str) -> None:
        self.progress.errors.append(message)

    def info(self, message: str) -> None:
        self.progress.info(message)


def _checked(done: Outcome) -> Outcome:
    if done.errors:
        raise UpdateFailed(done.errors[0])
    return done


def _times(one: Mapping[str, Any]) -> dict[str, str]:
    """Seconds as the CLI prints them."""
    return {
        key: datetime.fromtimestamp(one[key], timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        for key in ("startTime", "endTime")
        if key in one
    }


def _told() -> AbstractContextManager[None]:
    """The engine's errors as ours."""

    @contextmanager
    def translating() -> Iterator[None]:
        try:
            yield
        except WrongPassphrase as error:
            raise BadConfig(str(error)) from None
        except NotSupported as error:
            raise Missing(str(error)) from None
        except Locked as error:
            from ops.cli import locked

            raise Failed(locked(str(error))) from None
        except (EngineError, json.JSONDecodeError) as error:
            raise Failed(str(error)) from None

    return translating()
