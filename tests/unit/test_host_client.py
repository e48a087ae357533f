"""The deploying side of hosts: how it logs in, what it tells when it cannot, and that traffic moves on all hosts or on none."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from targets.common.errors import AgentError
from targets.host.client import __main__ as client
from targets.host.client import hosts, ssh, traffic
from targets.host.client.connection import Connection, connection

KEY = "ssh-ed25519 AAAAC3Nz"


def login(**changes: Any) -> Connection:
    return Connection(**{"address": "web1", "host_key": KEY, **changes})


def given(options: list[str]) -> dict[str, str]:
    return dict(option.split("=", 1) for option in options[1::2])


def test_only_the_host_key_of_the_config_is_believed(tmp_path: Path) -> None:
    options = given(ssh.options(login(port=2222), tmp_path))
    assert Path(options["UserKnownHostsFile"]).read_text() == f"[web1]:2222 {KEY}\n"
    assert options["StrictHostKeyChecking"] == "yes"
    assert options["GlobalKnownHostsFile"] == "/dev/null"
    assert options["HostKeyAlgorithms"] == "ssh-ed25519"


def test_an_rsa_host_key_is_asked_for_with_signatures_of_today(tmp_path: Path) -> None:
    options = given(ssh.options(login(host_key="ssh-rsa AAAA"), tmp_path))
    assert options["HostKeyAlgorithms"] == "rsa-sha2-512,rsa-sha2-256"


def test_a_key_from_the_config_is_a_file_for_this_user_alone(tmp_path: Path) -> None:
    options = given(ssh.options(login(private_key="-----KEY-----"), tmp_path))
    path = Path(options["IdentityFile"])
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "-----KEY-----\n"
    assert options["IdentitiesOnly"] == "yes"


def test_without_a_key_the_agent_and_the_users_own_keys_are_tried(tmp_path: Path) -> None:
    options = given(ssh.options(login(), tmp_path))
    assert "IdentityFile" not in options
    assert "IdentitiesOnly" not in options


def test_a_bastion_has_its_own_key_check(tmp_path: Path) -> None:
    options = given(ssh.options(login(proxy=login(address="gate", user="jump", port=2200)), tmp_path))
    assert options["ProxyCommand"].startswith("ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes")
    assert options["ProxyCommand"].endswith("-W %h:%p -p 2200 jump@gate")


def test_another_key_is_another_login() -> None:
    digests = {login().digest, login(private_key="a").digest, login(host_key="ssh-ed25519 BBBB").digest, login(user="u").digest}
    assert len(digests) == 4


def test_a_connection_survives_json() -> None:
    import dataclasses

    one = login(proxy=login(address="gate"), private_key="x")
    assert connection(json.loads(json.dumps(dataclasses.asdict(one)))) == one
    assert "-----KEY" not in repr(login(private_key="-----KEY-----"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Host key verification failed.", "does not have the host key that the config gives"),
        ("root@web1: Permission denied (publickey).", "refuses the login of root"),
        ("ssh: connect to host web1 port 22: Connection timed out", "cannot be reached"),
        ("ssh: Could not resolve hostname web1: Name or service not known", "cannot be reached"),
        ("client_loop: send disconnect: Broken pipe", "went away"),
        ("", "went away"),
    ],
)
def test_what_ssh_says_becomes_a_cause_and_a_way_out(monkeypatch: pytest.MonkeyPatch, words: str, told: str) -> None:
    done = subprocess.CompletedProcess([], 255, b"", words.encode())
    monkeypatch.setattr(ssh, "_run", lambda *_: done)
    with pytest.raises(ssh.Gone) as caught:
        ssh.Remote(login()).run(["true"])
    assert told in str(caught.value)
    assert "way out" in str(caught.value)


def test_sudo_that_wants_a_password_is_told_with_the_line_for_sudoers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(argv: list[str], _: object) -> "subprocess.CompletedProcess[bytes]":
        asked.append(argv)
        return subprocess.CompletedProcess(argv, 1, b"", b"sudo: a password is required\n")

    monkeypatch.setattr(ssh, "_run", run)
    with pytest.raises(AgentError, match=r"sudo refuses user anna .* echo 'anna ALL=\(ALL\) NOPASSWD: ALL'"):
        ssh.Remote(login(user="anna")).run(["gateway", "x"])
    assert asked[0][-1] == "sudo -n gateway x"


def test_the_agent_is_named_by_its_text_and_needs_nothing_but_python() -> None:
    names = [path.name for path in hosts.files()]
    assert {"inside.py", "gateway_entry.py", "instances.py", "__main__.py"} <= set(names)
    assert len(hosts.version()) == 12
    for path in hosts.files():
        for line in path.read_text().splitlines():
            if (
                line.startswith(("import ", "from ")) and line != "from rendering import envfile"
            ):  # sent along, and looked at here
                assert not line.split()[1].startswith(("pulumi", "pydantic", "docker", "rendering", "settings")), (path, line)


class Fake:
    """A host that writes down what it is asked."""

    def __init__(self, name: str, log: list[str], failing: str = "") -> None:
        self.name, self.log, self.failing = name, log, failing
        self.connection = login(address=name)

    def agent(self, verb: str, request: str) -> str:
        self.log.append(f"{self.name} {verb} {json.loads(request)['instance']}")
        if verb == self.failing:
            raise AgentError(f"{self.name}: it is broken")
        return json.dumps({"before": "old"})


REQUEST = {"app": "shop", "instance": "new", "interface": "wsgi", "server": "gunicorn", "release": "r"}
NOTED = {"source": "", "rendered_from": "", "back": False, "proxy": ""}


def switch(*fakes: Fake, rolling: int = 1) -> dict[str, Any]:
    request = {**REQUEST, "noted": NOTED}
    return dict(json.loads(traffic.switch(fakes, request, rolling)))  # type: ignore[arg-type]


def test_traffic_moves_host_by_host_once_all_are_ready() -> None:
    log: list[str] = []
    told = switch(Fake("a", log), Fake("b", log))
    assert log[:2] in (["a ready new", "b ready new"], ["b ready new", "a ready new"])
    assert log[2:] == ["a switch new", "b switch new"]
    assert told["hosts"]["b"] == {"instance": "new", "socket": "/run/shop/new.sock"}


def test_a_failure_on_the_third_host_puts_the_first_two_back_and_never_reaches_the_fourth() -> None:
    log: list[str] = []
    with pytest.raises(AgentError) as caught:
        switch(Fake("a", log), Fake("b", log), Fake("c", log, "switch"), Fake("d", log))
    assert str(caught.value) == "c: it is broken; a, b went back by themselves"
    assert sorted(log[-2:]) == ["a back old", "b back old"]
    assert "d switch new" not in log


def test_a_host_that_is_not_ready_keeps_traffic_where_it_is_on_all() -> None:
    log: list[str] = []
    with pytest.raises(AgentError, match="b: it is broken; traffic was moved on no host"):
        switch(Fake("a", log), Fake("b", log, "ready"))
    assert not [line for line in log if "switch" in line]


def test_with_rolling_two_hosts_move_at_a_time() -> None:
    log: list[str] = []
    with pytest.raises(AgentError, match="a went back by itself"):
        switch(Fake("a", log), Fake("b", log, "switch"), Fake("c", log), rolling=2)
    assert "c switch new" not in log


def test_a_host_that_does_not_come_back_is_told_too() -> None:
    class Lost(Fake):
        def agent(self, verb: str, request: str) -> str:
            if verb == "back":
                raise AgentError("a: went away")
            return super().agent(verb, request)

    with pytest.raises(AgentError) as caught:
        switch(Lost("a", []), Fake("b", [], "switch"))
    assert str(caught.value).splitlines() == ["b: it is broken", "a: went away"]


def test_a_host_that_is_gone_for_good_can_be_taken_out_by_saying_so(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = subprocess.CompletedProcess([], 255, b"", b"ssh: connect to host web1 port 22: No route to host")
    monkeypatch.setattr(ssh, "_run", lambda *_: lost)
    text = json.dumps({"hosts": [{"address": "web1", "host_key": KEY}], "rolling": 1, "request": {}})
    with pytest.raises(AgentError, match=r"cannot be reached .* GATEWAY_FORGET=web1 make up"):
        client.act("stop", text)
    monkeypatch.setenv("GATEWAY_FORGET", "web9,web1")
    assert client.act("stop", text) == "forgotten"
    with pytest.raises(AgentError, match="cannot be reached"):
        client.act("start", text)


@pytest.mark.parametrize(("last", "retired"), [("new", True), ("old", False), ("older", True)])
def test_an_instance_that_served_by_somebodys_hand_is_retired_and_one_of_the_stack_is_left_to_it(
    monkeypatch: pytest.MonkeyPatch, last: str, retired: bool
) -> None:
    log: list[str] = []
    monkeypatch.setenv("PULUMI_COMMAND_STDOUT", json.dumps({"instance": last}))
    switch(Fake("a", log))
    assert ("a retire old" in log) is retired


@pytest.mark.parametrize(("verb", "told"), [("stop", "stopped"), ("start", None)])
def test_what_is_deleted_on_a_rebuilt_host_is_deleted_with_its_new_key_once_that_has_been_let_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verb: str, told: str | None
) -> None:
    new = "ssh-ed25519 BBBB"

    def run(argv: list[str], _: object) -> "subprocess.CompletedProcess[bytes]":
        known = next(part.partition("=")[2] for part in argv if part.startswith("UserKnownHostsFile"))
        right = new in Path(known).read_text()
        return subprocess.CompletedProcess(argv, 0 if right else 255, b"stopped\n", b"Host key verification failed.")

    monkeypatch.setattr(ssh, "_run", run)
    monkeypatch.setattr(ssh, "private_folder", lambda: tmp_path)
    text = json.dumps({"hosts": [{"address": "web1", "host_key": KEY}], "rolling": 1, "request": {}})
    with pytest.raises(AgentError, match="does not have the host key"):
        client.act(verb, text)
    ssh.Remote(login(host_key=new)).run(["true"])
    if told:
        assert client.act(verb, text) == told
    else:
        with pytest.raises(ssh.Stranger):
            client.act(verb, text)
