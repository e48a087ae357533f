"""Which engine carries an update out: the Pulumi CLI where there is one, else the embedded engine; and what both can do."""

import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console

from ops.config_file import expect_readable
from ops.errors import BadConfig, Missing
from ops.file_backend import mend
from ops.progress import Progress
from ops.workspace import Workspace, open_workspace

HOW_TO_MOVE = "to move to the Pulumi CLI put it on PATH and run the same command; nothing is restarted (docs/engines.md)"
INSTALLER = ("get.pulumi.com", 443)
PATIENCE = 5.0


class UpdateFailed(Exception):
    """The engine's own words, where no resource's message says more."""


class Engine(Protocol):
    """One stack on one engine. Every method raises ``Stop`` or, where it updates, ``UpdateFailed``."""

    @property
    def label(self) -> str:
        """How a person calls the engine."""

    @property
    def name(self) -> str:
        """Of the stack."""

    @property
    def workspace(self) -> Workspace:
        """Where project and state are."""

    def open(self) -> None:
        """Make the stack if it is not there yet."""

    def config_rows(self) -> Mapping[str, Mapping[str, Any]]:
        """Key -> value (text), secret, and objectValue for maps and lists; secrets in the clear: for this process only."""

    def config(self) -> tuple[dict[str, Any], frozenset[str]]:
        """Every config value as text, and the keys that have secrets."""

    def set_config(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> None:
        """Write one value into ``Pulumi.<stack>.yaml``."""

    def rewrite_config(
        self, *, removed: Sequence[str] = (), values: Mapping[str, Any] | None = None, secrets: Mapping[str, str] | None = None
    ) -> None:
        """``Pulumi.<stack>.yaml`` with all of it; where it fails or is killed, as it was.

        ``removed`` are keys or paths into maps, ``values`` full keys with their new values as a whole, which keep their types,
        ``secrets`` paths with what is encrypted.
        """

    def recover_config(self) -> None:
        """Write ``Pulumi.<stack>.yaml`` as the last update had it, for a clone that has none."""

    def up(self, progress: Progress, *, refresh: bool = False, message: str | None = None) -> dict[str, Any]:
        """Bring the stack to what the program asks for; returns its outputs."""

    def preview(self, progress: Progress) -> None:
        """Tell the steps of an ``up``; nothing is touched."""

    def destroy(self, progress: Progress, *, keep_protected: bool) -> None:
        """Delete what the stack has."""

    def unprotect_all(self) -> None:
        """What is protected may be deleted."""

    def outputs(self) -> dict[str, Any]:
        """What the stack tells now."""

    def export(self) -> dict[str, Any]:
        """The state: ``version`` and ``deployment``."""

    def import_(self, state: Mapping[str, Any]) -> None:
        """Put a state in place of the present one."""

    def history(self) -> list[dict[str, Any]]:
        """Every update as ``pulumi stack history --json --show-secrets`` tells it, the newest first."""


def open_stack(name: str, console: Console) -> Engine:
    """The stack on the engine that ENGINE names, else on the best one there is; says so when that is not the CLI."""
    from ops import cli

    wanted, workspace = os.environ.get("ENGINE", ""), open_workspace()
    if wanted not in ("", "pulumi", "embedded"):
        raise BadConfig(f"ENGINE: got '{wanted}'; takes pulumi or embedded")
    expect_readable(workspace.root, name)
    mend(workspace.state, name)
    if wanted != "embedded":
        try:
            return cli.Stack(cli.find_or_install(console), workspace, name)
        except Missing as missing:
            if wanted or workspace.state is None:
                raise
            console.print(str(missing).partition(";")[0])
    from ops.embedded_stack import Embedded

    console.print(f"the embedded engine is at work, not Pulumi's; {HOW_TO_MOVE}")
    return Embedded(workspace, name)


def installer_answers() -> bool:
    """Whether Pulumi's installer can be reached at all: a download without an answer would take minutes."""
    if any(os.environ.get(name) for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")):
        return True
    try:
        socket.create_connection(INSTALLER, timeout=PATIENCE).close()
    except OSError:
        return False
    return True
