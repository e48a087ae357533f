"""The state on disk: never half written, never by two at once, and readable by its owner alone."""

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi_command import local

from embedded.errors import EngineError, Locked, NotSupported, WrongPassphrase
from embedded.stack import EmbeddedStack
from embedded.state import Resource, Snapshot
from tests.embedded.conftest import Listener

Make = Callable[..., EmbeddedStack]


def one(text: str = "true") -> Callable[[], object]:
    return lambda: local.Command("one", create=text)


def test_a_write_that_is_cut_short_leaves_the_state_as_it_was(
    make_stack: Make, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_stack()
    stack.create()
    stack.up(one(), listener)
    before = stack.backend.checkpoint.read_text()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        stack.up(one("echo other"), listener)
    assert stack.backend.checkpoint.read_text() == before


def test_the_layout_is_the_file_backends(make_stack: Make, listener: Listener, tmp_path: Path) -> None:
    stack = make_stack()
    stack.create()
    stack.up(one(), listener, message="a first update")
    root = tmp_path / "state/.pulumi"
    assert (root / "meta.yaml").read_text() == "version: 1\n"
    found = json.loads((root / "stacks/small/test.json").read_text())
    assert (found["version"], found["checkpoint"]["stack"]) == (3, "organization/small/test")
    assert len(list((root / "history/small/test").glob("test-*.history.json"))) == 1
    assert len(list((root / "history/small/test").glob("test-*.checkpoint.json"))) == 1
    assert len(list((root / "backups/small/test").glob("test.*.json"))) == 1
    assert (stack.history()[0]["message"], stack.history()[0]["result"]) == ("a first update", "succeeded")
    assert not list(root.rglob("*.tmp"))
    assert not list((root / "locks").rglob("*.json"))


def test_only_the_owner_reads_the_state(make_stack: Make, listener: Listener) -> None:
    stack = make_stack()
    stack.create()
    assert stat.S_IMODE(stack.backend.checkpoint.stat().st_mode) == 0o600


def test_a_second_update_is_told_who_is_at_work(make_stack: Make, listener: Listener) -> None:
    stack = make_stack()
    stack.create()
    with stack.backend.locked(), pytest.raises(Locked, match=rf"currently locked.*\n.*created by .*\(pid {os.getpid()}\)"):
        stack.up(one(), listener)
    assert stack.up(one(), listener).errors == ()


def test_many_updates_at_once_give_one_winner_at_a_time(make_stack: Make) -> None:
    stack, held, worst = make_stack(), [0], [0]
    stack.create()

    def work() -> None:
        for _ in range(20):
            try:
                with stack.backend.locked():
                    held[0] += 1
                    worst[0] = max(worst[0], held[0])
                    held[0] -= 1
            except Locked:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worst[0] <= 1


def test_another_passphrase_is_refused_before_anything_is_done(make_stack: Make, listener: Listener) -> None:
    make_stack().create()
    with pytest.raises(WrongPassphrase, match="does not fit this stack; way out: set PULUMI_CONFIG_PASSPHRASE"):
        make_stack(passphrase="wrong").up(one("touch done"), listener)
    assert not Path("done").exists()


def test_a_passphrase_that_is_not_given_is_asked_for(make_stack: Make) -> None:
    stack = make_stack()
    stack.env = {"PULUMI_BACKEND_URL": stack.env["PULUMI_BACKEND_URL"]}
    with pytest.raises(WrongPassphrase, match="no passphrase is given"):
        stack.create()


def test_a_backend_in_a_cloud_is_for_the_cli(make_stack: Make) -> None:
    with pytest.raises(NotSupported, match=r"s3://bucket.*way out: put the Pulumi CLI on PATH"):
        make_stack(env={"PULUMI_BACKEND_URL": "s3://bucket"}).create()


def test_a_state_of_another_version_is_left_alone(make_stack: Make, listener: Listener) -> None:
    stack = make_stack()
    stack.create()
    stack.backend.checkpoint.write_text('{"version": 4, "checkpoint": {}}')
    with pytest.raises(EngineError, match="checkpoint of version 4; this engine reads version 3"):
        stack.up(one(), listener)


def test_what_only_the_cli_writes_about_a_resource_is_kept(make_stack: Make, listener: Listener) -> None:
    stack = make_stack()
    stack.create()
    stack.up(one(), listener)
    state = stack.export()
    state["deployment"]["resources"][-1]["stackTrace"] = [{"sourcePosition": "project:///__main__.py#1"}]
    stack.import_(state)
    stack.up(one(), listener)
    assert stack.export()["deployment"]["resources"][-1]["stackTrace"] == [{"sourcePosition": "project:///__main__.py#1"}]


def test_the_same_secret_keeps_its_ciphertext(make_stack: Make, listener: Listener) -> None:
    import pulumi

    def program() -> None:
        local.Command("one", create="cat", stdin=pulumi.Output.secret("hush"))

    stack = make_stack()
    stack.create()
    stack.up(program, listener)
    before = stack.export()["deployment"]["resources"]
    stack.up(program, listener)
    assert stack.export()["deployment"]["resources"] == before
    assert "hush" not in json.dumps([row["inputs"] for row in before if "inputs" in row])


def test_what_is_gone_is_forgotten_with_every_word_about_it() -> None:
    """The CLI refuses a state in which something needs what is not there."""
    base = Resource("urn:pulumi:test::small::docker:index/network:Network::net", "docker:index/network:Network", True)
    user = Resource("urn:user", "command:local:Command", True, dependencies=[base.urn, "urn:other"])
    user.property_dependencies = {"stdin": [base.urn]}
    snapshot = Snapshot([base, user])
    snapshot.forget([base])
    assert snapshot.resources == [user]
    assert user.needs() == {"urn:other"}


def test_of_what_a_killed_update_began_only_creations_are_remembered(make_stack: Make, listener: Listener) -> None:
    stack = make_stack()
    stack.create()
    stack.up(one(), listener)
    state = stack.export()
    row = state["deployment"]["resources"][-1]
    state["deployment"]["pending_operations"] = [{"resource": row, "type": kind} for kind in ("creating", "updating", "deleting")]
    stack.import_(state)
    stack.up(one("echo other"), listener)
    assert [row["type"] for row in stack.export()["deployment"]["pending_operations"]] == ["creating"]
