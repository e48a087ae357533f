"""Looks that follow one another on a host: the agent tells a line each time, and ends when nobody listens any more."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from targets.common.errors import AgentError
from targets.host.client import hosts
from targets.host.client.connection import Connection
from targets.host.client.hosts import Host
from targets.host.sight import Sight

AGENT = Path(hosts.__file__).parents[1] / "agent"
REQUEST = {"app": "no-such-site", "owner": "gateway/test", "instance": "", "proxy": "", "window": 60}


class Here:
    """A shell whose host is this machine, with the agent of this checkout."""

    begun: "list[subprocess.Popen[bytes]]"

    def __init__(self) -> None:
        self.begun = []

    def run(self, command: list[str], stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run([sys.executable, str(AGENT), command[-1]], input=stdin, capture_output=True, check=False)

    def begin(self, command: list[str]) -> "subprocess.Popen[bytes]":
        pipe = subprocess.PIPE
        process = subprocess.Popen([sys.executable, str(AGENT), command[-1]], stdin=pipe, stdout=pipe, stderr=pipe)
        self.begun.append(process)
        return process


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    made = Here()
    monkeypatch.setattr(hosts, "shell", lambda _: made)
    yield made
    for process in made.begun:
        process.kill()
        process.communicate()


def facts(told: dict[str, Any]) -> dict[str, Any]:
    found = told["web1"]
    assert isinstance(found, dict), found
    return found


def test_one_look_is_one_question(here: Here) -> None:
    seen = facts(Sight([Connection(address="web1")], REQUEST).look())
    assert (seen["live"], seen["instances"], seen["drift"]) == ("", [], [])
    assert seen["requests"]["count"] == 0
    assert here.begun == []


def test_looks_that_follow_one_another_come_from_one_process(here: Here) -> None:
    eyes = Sight([Connection(address="web1")], REQUEST, every=0.2)
    moments = [facts(eyes.look())["at"] for _ in range(3)]
    assert moments[0] < moments[1] < moments[2]
    assert len(here.begun) == 1
    eyes.close()
    assert here.begun[0].poll() is not None


def test_an_agent_that_ended_is_begun_again(here: Here) -> None:
    eyes = Sight([Connection(address="web1")], REQUEST, every=0.2)
    eyes.look()
    here.begun[0].kill()
    here.begun[0].wait()
    assert facts(eyes.look())["at"]
    assert len(here.begun) == 2
    eyes.close()


def test_nothing_goes_on_at_a_host_whose_listener_has_gone(here: Here) -> None:
    process = Host(Connection(address="web1")).follow("look", json.dumps({**REQUEST, "every": 0.1}))
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=20) is not None


def test_a_host_that_does_not_answer_is_told_and_the_watch_goes_on(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise AgentError("web1 cannot be reached")

    monkeypatch.setattr(Host, "follow", gone)
    eyes, begun = Sight([Connection(address="web1")], REQUEST, every=0.1), time.monotonic()
    assert eyes.look() == eyes.look() == {"web1": "web1 cannot be reached"}
    assert time.monotonic() - begun >= 0.2, "a host that is gone is not asked without a pause"
