"""Updates through Pulumi's Automation API. Its import takes a third of a second, so only who updates does it (``ops.cli``)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

from pulumi import automation as auto
from pulumi.automation._stack import StackInitMode

from ops.engines import UpdateFailed
from ops.progress import Progress
from ops.workspace import Workspace


class Updater:
    """One stack, made if it is not there yet. ``root`` is the folder of an installed CLI, None for the one on PATH.

    Raises ``auto.CommandError`` when the stack cannot be opened.
    """

    def __init__(self, name: str, workspace: Workspace, root: str | None) -> None:
        self._command = auto.PulumiCommand(root=root, skip_version_check=True)
        local = auto.LocalWorkspace(work_dir=str(workspace.root), pulumi_command=self._command, env_vars=workspace.env)
        self._stack = _QuietStack(name, local, StackInitMode.CREATE_OR_SELECT)

    @property
    def version(self) -> str:
        """Of the CLI."""
        return str(self._command.version or "")

    def up(self, progress: Progress, *, refresh: bool, message: str | None) -> None:
        """One ``pulumi up``. Raises ``UpdateFailed``."""
        with _told():
            self._stack.up(message=message, on_event=progress, suppress_outputs=True, refresh=refresh or None, color="never")

    def preview(self, progress: Progress) -> None:
        """One ``pulumi preview``. Raises ``UpdateFailed``."""
        with _told():
            self._stack.preview(on_event=progress, color="never")

    def destroy(self, progress: Progress, *, keep_protected: bool) -> None:
        """One ``pulumi destroy``. Raises ``UpdateFailed``."""
        with _told():
            self._stack.destroy(on_event=progress, exclude_protected=keep_protected or None, suppress_outputs=True, color="never")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except auto.CommandError as error:
        raise UpdateFailed(str(error)) from None


class _QuietStack(auto.Stack):
    """After an update the API asks the CLI three times more: for the outputs, those with secrets, and the history.

    Each is a process of a third of a second, on every ``make up``; what is wanted of them is asked for once, by its user.
    """

    def outputs(self) -> auto.OutputMap:
        """None."""
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:
        """Nothing."""
        now = datetime.now(timezone.utc)
        return auto.UpdateSummary(kind="", start_time=now, message="", environment={}, config={}, result="")
