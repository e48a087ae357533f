"""The Pulumi CLI: from PATH, else by Pulumi's own installer; and a stack through it."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from semver import VersionInfo

from ops.config_file import path_of
from ops.engines import installer_answers
from ops.errors import BadConfig, Failed, Missing
from ops.progress import Progress
from ops.workspace import Workspace

if TYPE_CHECKING:
    from ops.automation import Updater

PINNED = VersionInfo(3, 272, 0)
PAGE = 100
"""Updates that the CLI is asked for at a time; left alone it gives ten and does not say so."""


def find_or_install(console: Console) -> str | None:
    """Folder of the pinned version, installed once under ``~/.pulumi``; None for the CLI on PATH. Raises ``Missing``."""
    if shutil.which("pulumi"):
        return None
    folder = Path.home() / ".pulumi/versions" / str(PINNED)
    try:
        if not folder.exists() and not installer_answers():
            raise OSError("no answer from get.pulumi.com")
        console.print(f"no pulumi on PATH: trying {PINNED} with Pulumi's own installer (once)")
        from pulumi.automation import PulumiCommand

        PulumiCommand.install(root=str(folder), version=PINNED)
    except Exception as error:  # the installer raises whatever its download raised
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Missing(
            f"the Pulumi CLI is not on PATH and its installer cannot be had ({reason}); "
            "way out: put the pulumi binary on PATH (pulumi.com/docs/install), then run this again"
        ) from None
    return str(folder)


@dataclass(frozen=True)
class Stack:
    """One stack of the project, through the CLI. Values of secrets go in on standard input, never on a command line."""

    root: str | None
    """Folder of an installed CLI, None for the one on PATH."""
    workspace: Workspace
    name: str

    @property
    def label(self) -> str:
        """How a person calls the engine."""
        return f"Pulumi CLI {self._updater.version}".strip()

    def run(self, *args: str, text: str | None = None) -> str:
        """Output of ``pulumi <args> --stack <name>``. Raises with Pulumi's own words."""
        command = f"{self.root}/bin/pulumi" if self.root else "pulumi"
        argv = [command, *args, "--stack", self.name, "--non-interactive"]
        try:
            result = subprocess.run(
                argv, cwd=self.workspace.root, env=self.environment, input=text, capture_output=True, text=True, check=False
            )
        except OSError as error:
            raise _unusable(error) from None
        if result.returncode:
            raise said(result.stderr)
        return result.stdout

    @property
    def environment(self) -> dict[str, str]:
        """What a pulumi process gets beside its arguments."""
        env = {**os.environ, **self.workspace.env}
        return {**env, "PATH": f"{self.root}/bin:{env['PATH']}"} if self.root else env

    def open(self) -> None:
        """Make the stack if it is not there yet."""
        self._updater  # noqa: B018 - opened once, on first use

    @cached_property
    def _updater(self) -> "Updater":
        from pulumi.automation import CommandError

        from ops.automation import Updater

        try:
            return Updater(self.name, self.workspace, self.root)
        except CommandError as error:
            raise said(str(error)) from None
        except (OSError, subprocess.CalledProcessError) as error:
            raise _unusable(error) from None

    def config_rows(self) -> Mapping[str, Mapping[str, Any]]:
        """Every config value as the CLI prints it in JSON, secrets in the clear: for this process only."""
        rows: Mapping[str, Mapping[str, Any]] = json.loads(self.run("config", "--json", "--show-secrets"))
        return rows

    def config(self) -> tuple[dict[str, Any], frozenset[str]]:
        """Every config value, secrets in the clear: for checks in this process only; and the keys that are secrets."""
        rows = self.config_rows()
        values = {key: row.get("value", row.get("objectValue")) for key, row in rows.items()}
        return values, frozenset(key for key, row in rows.items() if row["secret"])

    def set_config(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> None:
        """``pulumi config set``, the value on standard input."""
        choices = (("--secret", secret), ("--plaintext", not secret), ("--path", path))
        flags = [flag for flag, wanted in choices if wanted]
        self.run("config", "set", *flags, key, text=value)

    def rewrite_config(
        self, *, removed: Sequence[str] = (), values: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None
    ) -> None:
        """``pulumi config rm-all``, ``set-all`` and ``set`` on a copy, which takes the file's place at the end."""
        path = path_of(self.workspace.root, self.name)
        copy = path.with_name(f".{path.stem}.gateway{path.suffix}")
        there = ("--config-file", str(copy))
        shutil.copy(path, copy)
        try:
            if removed:
                self.run("config", "rm-all", *there, "--path", *removed)
            if values:
                rows = json.dumps({key: _row(value) for key, value in values.items()})
                self.run("config", "set-all", *there, "--json", rows)
            for key, value in (secrets or {}).items():
                self.run("config", "set", *there, "--secret", "--path", "--raw", key, text=value)
            copy.replace(path)
        finally:
            copy.unlink(missing_ok=True)

    def recover_config(self) -> None:
        """``pulumi config refresh``."""
        self.run("config", "refresh", "--force")

    def up(self, progress: Progress, *, refresh: bool = False, message: str | None = None) -> dict[str, Any]:
        """One ``pulumi up``; returns the outputs. Raises ``UpdateFailed``."""
        self._updater.up(progress, refresh=refresh, message=message)
        return self.outputs()

    def preview(self, progress: Progress) -> None:
        """One ``pulumi preview``. Raises ``UpdateFailed``."""
        self._updater.preview(progress)

    def destroy(self, progress: Progress, *, keep_protected: bool) -> None:
        """One ``pulumi destroy``. Raises ``UpdateFailed``."""
        self._updater.destroy(progress, keep_protected=keep_protected)

    def unprotect_all(self) -> None:
        """``pulumi state unprotect --all``."""
        self.run("state", "unprotect", "--all", "--yes")

    def outputs(self) -> dict[str, Any]:
        """``pulumi stack output``."""
        found: dict[str, Any] = json.loads(self.run("stack", "output", "--json"))
        return found

    def export(self) -> dict[str, Any]:
        """``pulumi stack export``."""
        found: dict[str, Any] = json.loads(self.run("stack", "export"))
        return found

    def import_(self, state: Mapping[str, Any]) -> None:
        """``pulumi stack import``."""
        self.run("stack", "import", text=json.dumps(state))

    def history(self) -> list[dict[str, Any]]:
        """``pulumi stack history``."""
        rows: list[dict[str, Any]] = []
        while True:
            page = ("--page-size", str(PAGE), "--page", str(len(rows) // PAGE + 1))
            more = json.loads(self.run("stack", "history", "--json", "--show-secrets", *page) or "[]")
            rows += more
            if len(more) < PAGE:
                return rows


def _unusable(error: Exception) -> Missing:
    """A CLI that is there and does not run."""
    return Missing(
        f"the Pulumi CLI cannot be run ({error}); "
        "way out: install it anew (pulumi.com/docs/install), or ENGINE=embedded (docs/engines.md)"
    )


def _row(value: Any) -> dict[str, Any]:
    """As ``pulumi config --json`` prints it; maps and lists keep the types of what is in them."""
    if isinstance(value, dict | list):
        return {"value": json.dumps(value), "objectValue": value, "secret": False}
    return {"value": str(value), "secret": False}


def said(stderr: str) -> Failed | BadConfig | Missing:
    """Pulumi's words as our kind of error, be they from the CLI or, with all that it printed, from the Automation API."""
    stderr = stderr.partition("\n stderr: ")[2] or stderr
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    text = next((line for line in lines if line.startswith("error:")), lines[0] if lines else "pulumi said nothing")
    text = text.removeprefix("error:").strip()
    if "incorrect passphrase" in stderr:
        return BadConfig(
            "the passphrase does not fit this stack; way out: set PULUMI_CONFIG_PASSPHRASE(_FILE) to the one it was made with"
        )
    if "currently locked" in stderr:
        return Failed(locked(stderr))
    if "failed to load checkpoint" in stderr:
        return Failed(f"the stack's state cannot be read ({text}); way out: put the last good one back (pulumi stack import)")
    if "no resource plugin" in stderr or "failed to load plugin" in stderr or "could not download" in stderr.lower():
        return Missing(
            f"a Pulumi provider is missing and cannot be downloaded ({text}); "
            "way out: pulumi plugin install, or ENGINE=embedded (docs/engines.md)"
        )
    return Failed(text)


def locked(words: str) -> str:
    """Who is at work, and what to do about it."""
    holder = next((line.strip() for line in words.splitlines() if "created by" in line), "")
    return f"another update of this stack is running ({holder}); way out: wait for it, or `pulumi cancel` if it is dead"
