"""The Pulumi CLI: from PATH, else by Pulumi's own installer."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from rich.console import Console
from semver import VersionInfo

from ops.errors import BadConfig, Failed, Missing
from ops.workspace import Workspace

PINNED = VersionInfo(3, 272, 0)


def find_or_install(console: Console) -> auto.PulumiCommand:
    """The CLI on PATH, else the pinned version, installed once under ``~/.pulumi``. Raises ``Missing``."""
    try:
        return auto.PulumiCommand(skip_version_check=True)
    except (OSError, subprocess.CalledProcessError):
        console.print(f"no pulumi on PATH: installing {PINNED} with Pulumi's own installer (once)")
    try:
        return auto.PulumiCommand.install(version=PINNED)
    except Exception as error:  # the installer raises whatever its download raised
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Missing(
            f"the Pulumi CLI is not on PATH and its installer cannot be had ({reason}); "
            "way out: put the pulumi binary on PATH (pulumi.com/docs/install), then run this again"
        ) from None


@dataclass(frozen=True)
class Stack:
    """One stack of the project, through the CLI. Values of secrets go in on standard input, never on a command line."""

    command: auto.PulumiCommand
    workspace: Workspace
    name: str

    def run(self, *args: str, text: str | None = None) -> str:
        """Output of ``pulumi <args> --stack <name>``. Raises with Pulumi's own words."""
        argv = [self.command.command, *args, "--stack", self.name, "--non-interactive"]
        result = subprocess.run(
            argv, cwd=self.workspace.root, env=self.environment, input=text, capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise said(result.stderr)
        return result.stdout

    @property
    def environment(self) -> dict[str, str]:
        """What a pulumi process gets beside its arguments."""
        import os

        env = {**os.environ, **self.workspace.env}
        folder = Path(self.command.command).parent
        return {**env, "PATH": f"{folder}:{env['PATH']}"} if folder.is_absolute() else env

    def open(self) -> auto.Stack:
        """The stack, made if it is not there yet."""
        options = auto.LocalWorkspaceOptions(pulumi_command=self.command, env_vars=self.workspace.env)
        try:
            return auto.create_or_select_stack(self.name, work_dir=str(self.workspace.root), opts=options)
        except auto.CommandError as error:
            raise said(str(error)) from None

    def config_rows(self) -> Mapping[str, Mapping[str, Any]]:
        """Every config value as the CLI prints it in JSON, secrets in the clear: for this process only."""
        rows: Mapping[str, Mapping[str, Any]] = json.loads(self.run("config", "--json", "--show-secrets"))
        return rows

    def config(self) -> tuple[dict[str, Any], frozenset[str]]:
        """Every config value, secrets in the clear: for checks in this process only; and the keys that are secrets."""
        rows = self.config_rows()
        values = {key: row.get("value", row.get("objectValue")) for key, row in rows.items()}
        return values, frozenset(key for key, row in rows.items() if row["secret"])

    def set_secret(self, path: str, value: str) -> None:
        """``pulumi config set --secret --path``, the value on standard input."""
        self.run("config", "set", "--secret", "--path", path, text=value)


def said(stderr: str) -> Failed | BadConfig | Missing:
    """Pulumi's words as our kind of error."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    text = next((line for line in lines if line.startswith("error:")), lines[0] if lines else "pulumi said nothing")
    text = text.removeprefix("error:").strip()
    if "incorrect passphrase" in stderr:
        return BadConfig(
            "the passphrase does not fit this stack; way out: set PULUMI_CONFIG_PASSPHRASE(_FILE) to the one it was made with"
        )
    if "currently locked" in stderr:
        return Failed(_locked(stderr))
    if "no resource plugin" in stderr or "failed to load plugin" in stderr or "could not download" in stderr.lower():
        return Missing(f"a Pulumi provider is missing and cannot be downloaded ({text}); way out: pulumi plugin install")
    return Failed(text)


def _locked(stderr: str) -> str:
    holder = next((line.strip() for line in stderr.splitlines() if "created by" in line), "")
    return f"another update of this stack is running ({holder}); way out: wait for it, or `pulumi cancel` if it is dead"
