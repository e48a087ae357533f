"""A Pulumi CLI that is there and does not run is told with the way out, whichever command meets it first."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ops.cli import Stack
from ops.errors import Missing
from ops.workspace import Workspace


@pytest.mark.parametrize("text", ["not a program", "#!/bin/sh\nexit 1\n"], ids=["not a program", "ends at once"])
def test_a_cli_that_does_not_run_is_no_traceback_where_an_update_begins(tmp_path: Path, text: str) -> None:
    _expect_told(_stack(tmp_path, text).open)


def test_a_cli_that_is_no_program_is_no_traceback_where_state_is_read(tmp_path: Path) -> None:
    _expect_told(_stack(tmp_path, "not a program").export)


def _stack(root: Path, text: str) -> Stack:
    program = root / "bin/pulumi"
    program.parent.mkdir()
    program.write_text(text)
    program.chmod(0o755)
    return Stack(root=str(root), workspace=Workspace(root, {}), name="dev")


def _expect_told(act: Callable[[], object]) -> None:
    with pytest.raises(Missing, match=r"^the Pulumi CLI cannot be run \(.*way out: install it anew"):
        act()
