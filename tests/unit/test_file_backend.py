"""What a killed process leaves in Pulumi's local file backend, and what is made of it."""

import json
import os
import socket
from pathlib import Path

import pytest

from ops.errors import Failed
from ops.file_backend import lock_of, mend

WHOLE = '{"user.content_type": "text/plain", "md5": "+yudAnHKY5/iuOYSLB5cFw=="}'
KINDS = (
    "meta.yaml",
    "stacks/gateway/dev.json",
    "stacks/gateway/dev.json.bak",
    "history/gateway/dev/dev-1.history.json",
    "locks/organization/gateway/dev/1.json",
)


@pytest.fixture
def pulumi(tmp_path: Path) -> Path:
    """The backend's folder, as an update leaves it that was killed."""
    folder = tmp_path / ".pulumi"
    for name in KINDS:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        path.with_name(f"{path.name}.attrs").write_text(WHOLE)
    (folder / KINDS[-1]).write_text(_lock(2**22 + 1))  # above the highest number that a process can have
    return folder


def _lock(pid: int) -> str:
    return json.dumps({"pid": pid, "username": "ada", "hostname": socket.gethostname(), "timestamp": "2026-11-21T18:11:00Z"})


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("left", ["", WHOLE[:30]])
def test_attributes_that_a_kill_cut_short_go_and_all_the_others_stay(pulumi: Path, name: str, left: str) -> None:
    broken = pulumi / f"{name}.attrs"
    broken.write_text(left)
    mend(pulumi.parent, "dev")
    assert not broken.exists()
    assert (pulumi / name).exists()
    assert sum(path.read_text() == WHOLE for path in pulumi.rglob("*.attrs")) == len(KINDS) - 1


def test_what_was_never_renamed_goes_and_another_stack_is_left_alone(pulumi: Path) -> None:
    mine, other = (pulumi / f"stacks/gateway/{stack}.json.18ea21eecbc8cf08.tmp" for stack in ("dev", "prod"))
    mine.write_text("{")
    other.write_text("{")
    mend(pulumi.parent, "organization/gateway/dev")
    assert (mine.exists(), other.exists()) == (False, True)


def test_while_somebody_is_at_work_nothing_is_touched(pulumi: Path) -> None:
    (pulumi / KINDS[-1]).write_text(_lock(os.getpid()))
    writing = pulumi / f"{KINDS[1]}.attrs"
    writing.write_text("")
    mend(pulumi.parent, "dev")
    assert writing.exists()


def test_a_state_that_is_cut_short_is_told_with_the_one_before_it(pulumi: Path) -> None:
    state = pulumi / KINDS[1]
    state.write_text('{"version": 3, "check')
    with pytest.raises(Failed, match=rf"^the state {state} is cut short .*; way out: mv {state}\.bak {state}"):
        mend(pulumi.parent, "dev")
    state.with_name("dev.json.bak").unlink()
    with pytest.raises(Failed, match="way out: put a copy of it back"):
        mend(pulumi.parent, "dev")


def test_another_backend_or_an_empty_one_has_nothing_to_mend(tmp_path: Path) -> None:
    mend(None, "dev")
    mend(tmp_path, "dev")
    assert lock_of(None, "dev") is None
