"""Commands, as Pulumi's command provider runs them: those on this machine, and what those over SSH have in common with them."""

import os
import secrets
import subprocess
from collections.abc import Mapping
from typing import Any

from embedded.drivers.base import Diff, Driver, Values, changes
from embedded.errors import NotSupported, StepError
from embedded.values import UNKNOWN, has_unknown

SHELL = ["/bin/sh", "-c"]


class Command(Driver):
    """Which text runs when, and what is known of it before it runs."""

    def check(self, inputs: Values) -> Values:
        for key in ("assetPaths", "archivePaths"):
            if key in inputs:
                raise NotSupported(f"Command option {key}")
        return inputs

    def diff(self, old_inputs: Values, old_outputs: Values, inputs: Values) -> Diff:
        found = Diff(tuple(changes(old_inputs, inputs)))
        return Diff(found.changed, replace="triggers" in found.keys)

    def preview(self, inputs: Values, old_outputs: Values | None) -> Values:
        old = {key: value for key, value in (old_outputs or {}).items() if key not in ("stdout", "stderr")}
        unknown = old_outputs is None or changes(old, inputs) or has_unknown(inputs)
        return {**inputs, **(dict.fromkeys(("stdout", "stderr"), UNKNOWN) if unknown else {})}

    def create(self, name: str, inputs: Values) -> tuple[str, Values]:
        id_ = f"{name}{secrets.token_hex(4)}"
        return id_, {**inputs, **self._run(inputs.get("create"), inputs, {"stdout": "", "stderr": ""})}

    def update(self, id_: str, old_outputs: Values, inputs: Values) -> Values:
        before = {key: old_outputs.get(key, "") for key in ("stdout", "stderr")}
        return {**inputs, **self._run(inputs.get("update", inputs.get("create")), inputs, before)}

    def delete(self, id_: str, inputs: Values, outputs: Values) -> None:
        before = {key: outputs.get(key, "") for key in ("stdout", "stderr")}
        self._run(outputs.get("delete"), outputs, before)

    def _run(self, text: str | None, inputs: Values, before: Mapping[str, str]) -> dict[str, str]:
        if text is None:
            return dict(before)
        previous = {f"PULUMI_COMMAND_{key.upper()}": value for key, value in before.items() if value}
        environment = {key: str(value) for key, value in (inputs.get("environment") or {}).items()}
        status, out, err = self._execute(
            text, inputs, environment, previous if inputs.get("addPreviousOutputInEnv", True) else {}
        )
        if status:
            raise StepError(f'exit status {status}: running "{text}":\n{out}{err}')
        return {"stdout": out.removesuffix("\n"), "stderr": err.removesuffix("\n")}

    def _execute(
        self, text: str, inputs: Values, environment: Mapping[str, str], previous: Mapping[str, str]
    ) -> tuple[int, str, str]:
        raise NotImplementedError


class LocalCommand(Command):
    """A child process of this one, in the project's folder."""

    def _execute(
        self, text: str, inputs: Values, environment: Mapping[str, str], previous: Mapping[str, str]
    ) -> tuple[int, str, str]:
        command = [*(inputs.get("interpreter") or SHELL), text]
        given: dict[str, Any] = {"input": inputs["stdin"]} if inputs.get("stdin") else {"stdin": subprocess.DEVNULL}
        try:
            done = subprocess.run(
                command,
                cwd=inputs.get("dir"),
                env={**os.environ, **environment, **previous},
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                **given,
            )
        except OSError as error:
            raise StepError(f'{error.strerror}: running "{text}":\n') from None
        return done.returncode, done.stdout, done.stderr
