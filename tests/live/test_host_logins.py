"""Ways to reach a host, without Pulumi: a bastion before it, a key in the SSH agent, the very machine; and who may not."""

import io
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator

import pytest

from targets.common.errors import AgentError
from targets.host import preflight
from targets.host.client.connection import Connection
from targets.host.client.hosts import ROOT, Host, files
from tests.live.hosts import TestHost

REQUEST = json.dumps({"app": "reached", "owner": "gateway/test", "user": "reached"})


@pytest.fixture(scope="module")
def host(linux: Callable[..., TestHost]) -> TestHost:
    return linux("reached")


@pytest.fixture(scope="module")
def gate(linux: Callable[..., TestHost]) -> TestHost:
    return linux("gate")


def connection(host: TestHost, **changes: object) -> Connection:
    values = {"address": host.address, "host_key": host.host_key, "key_file": str(host.key)}
    return Connection(**{**values, **changes})  # type: ignore[arg-type]


def test_a_second_preparation_changes_nothing_and_one_login_does_for_several_steps(host: TestHost) -> None:
    before = host.logins()
    reached = Host(connection(host))
    assert reached.agent("prepare", REQUEST) == "ready"
    listing = (
        "find /etc /srv /usr/local /run/reached -newermt @$(stat -c %Y /root/mark) -not -path '*/__pycache__*' -type f; true"
    )
    host.sh("sleep 1.1; touch /root/mark; sleep 1.1")
    assert reached.agent("prepare", REQUEST) == "ready"
    assert host.sh(listing) == ""
    assert host.logins() - before == 1


def test_a_host_behind_a_bastion_is_reached_through_it_and_both_keys_are_checked(host: TestHost, gate: TestHost) -> None:
    before = gate.logins()
    assert Host(connection(host, proxy=connection(gate))).agent("prepare", REQUEST) == "ready"
    assert gate.logins() == before + 1
    stranger = connection(gate, host_key=host.host_key)
    with pytest.raises(AgentError, match=r"does not have the host key|went away"):
        Host(connection(host, proxy=stranger)).agent("prepare", REQUEST)


@pytest.fixture
def ssh_agent(host: TestHost, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An SSH agent that has the key."""
    told = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
    for name, value in re.findall(r"(SSH_\w+)=([^;]+)", told):
        monkeypatch.setenv(name, value)
    subprocess.run(["ssh-add", "-q", str(host.key)], check=True)
    yield
    subprocess.run(["ssh-agent", "-k"], capture_output=True, check=True)


def test_a_key_in_the_ssh_agent_is_enough(host: TestHost, ssh_agent: None) -> None:
    assert Host(connection(host, key_file="")).agent("prepare", REQUEST) == "ready"


@pytest.mark.parametrize("user", ["root", "deployer"])
def test_this_very_machine_needs_no_ssh(host: TestHost, user: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in [*files(), *sorted((ROOT / "targets/host/client").glob("*.py"))]:
            tar.add(path, f"opt/gateway/{path.relative_to(ROOT)}")
    host.container.put_archive("/", buffer.getvalue())
    host.sh(
        "id deployer >/dev/null 2>&1 || useradd -m deployer; echo 'deployer ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/deployer"
    )
    host.run("systemctl", "stop", "ssh")
    given = json.dumps({"hosts": [{"address": "local"}], "rolling": 1, "request": json.loads(REQUEST)})
    try:
        command = f"cd /opt/gateway && echo '{given}' | su {user} -s /bin/sh -c 'python3 targets/host/client prepare'"
        assert host.sh(command).strip() == "ready"
    finally:
        host.run("systemctl", "start", "ssh")


def test_a_name_that_belongs_to_somebody_else_is_never_touched(host: TestHost) -> None:
    reached = Host(connection(host))
    other = json.dumps({"app": "reached", "owner": "gateway/other", "user": "reached"})
    with pytest.raises(AgentError, match=r"reached on this host belongs to stack gateway/test; way out: another app.name"):
        reached.agent("prepare", other)
    system = json.dumps({"app": "ssh", "owner": "gateway/test", "user": "ssh"})
    with pytest.raises(AgentError, match=r"/etc/ssh is there and not of gateway's making"):
        reached.agent("prepare", system)
    assert os.path.basename(host.sh("ls -d /etc/ssh/sshd_config").strip()) == "sshd_config"


def test_preflight_is_one_login_and_leaves_nothing_on_the_host(linux: Callable[..., TestHost]) -> None:
    bare = linux("bare")
    before = bare.logins()
    results, _ = preflight.look(Host(connection(bare)), preflight.program("bare", 80, {}), 3, "gateway/test")
    found = {one.what: (one.status, one.told) for one in results}
    assert found["login"] == ("ok", "as root")
    assert found["port"] == ("ok", "Nginx has it")
    assert found["disk"][0] == "ok"
    assert bare.logins() - before == 1
    assert bare.sh("ls -d /usr/local/lib/gateway /srv/bare /etc/bare 2>/dev/null; true") == ""
    stranger = Host(connection(bare, key_file="/dev/null"))
    (refused,), _ = preflight.look(stranger, preflight.program("bare", 80, {}), 3, "gateway/test")
    assert (refused.status, refused.what) == ("failed", "login")
    assert "authorized_keys" in refused.way_out
