"""Hosts that do not answer, refuse, fill up or die: nothing is half done, and the first line says what to do."""

import os
import re
import subprocess
from collections.abc import Callable

import pytest

from bench.load import Load
from tests.deployment import Result, eventually, kill
from tests.hosting import HostDeployment
from tests.live.hosts import TestHost

pytestmark = pytest.mark.long

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN3XjL0FqyHlzP8oQpQ6zGx4nMPQw1kR0N5rPqEtTQ2b"


@pytest.fixture(scope="module")
def host(linux: Callable[..., TestHost]) -> TestHost:
    return linux("faulty")


@pytest.fixture(scope="module")
def site(deploy_to_hosts: Callable[..., HostDeployment], host: TestHost) -> HostDeployment:
    site = deploy_to_hosts("hostfaults", [host])
    site.must_up()
    return site


def first_line(result: Result, status: int = 1) -> str:
    """What a person reads first; the site must go on as it was, which the last line tells."""
    assert result.status == status, result.text
    assert "Traceback" not in result.err
    return result.err.splitlines()[0]


def with_login(site: HostDeployment, **changes: object) -> Result:
    """``make up`` with another login to the host, and back to the right one in the config."""
    right = site.config["hosts"]
    try:
        return site.up(hosts=[{**right[0], **changes}])
    finally:
        site.config["hosts"] = right


def test_a_wrong_host_key_is_refused_at_once_with_what_to_do(site: HostDeployment, host: TestHost) -> None:
    before = host.logins()
    result = with_login(site, hostKey=OTHER_KEY)
    line = first_line(result)
    assert "does not have the host key that the config gives" in line
    assert f"ssh-keyscan -t ed25519 {host.address}" in line
    step = re.search(r"failed after ([0-9.]+) s", result.out)
    assert step is not None
    assert float(step[1]) < 10, result.out
    assert host.logins() == before
    assert site.answers()


def test_a_wrong_login_key_is_told_with_the_user_that_it_was_for(site: HostDeployment, host: TestHost, tmp_path: object) -> None:
    key = f"{tmp_path}/id_other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    line = first_line(with_login(site, keyFile=key))
    assert f"{host.address} refuses the login of root" in line
    assert "authorized_keys" in line


def test_a_user_whom_sudo_refuses_is_told_the_line_that_is_missing(site: HostDeployment, host: TestHost) -> None:
    host.sh(
        "id deployer >/dev/null 2>&1 || useradd -m deployer; mkdir -p /home/deployer/.ssh; "
        "cp /root/.ssh/authorized_keys /home/deployer/.ssh/; chown -R deployer: /home/deployer/.ssh"
    )
    line = first_line(with_login(site, user="deployer"))
    assert "sudo refuses user deployer" in line
    assert "NOPASSWD" in line
    host.sh("echo 'deployer ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/gateway")
    assert with_login(site, user="deployer").status == 0, "and with that line it works"
    site.must_up()


def test_the_key_as_a_secret_works_and_is_nowhere_in_the_clear(site: HostDeployment, host: TestHost) -> None:
    text = host.key.read_text()
    right = site.config["hosts"]
    try:
        site.config["hosts"] = [{key: value for key, value in right[0].items() if key != "keyFile"}]
        site.write_config()
        done = site.pulumi("config", "set", "--secret", "--path", "gateway:hosts[0].privateKey", text=text)
        assert done.status == 0, done.text
        result = site.run(str(site.folder / ".venv/bin/python"), "-m", "ops", "up")
        assert result.status == 0, result.text
        assert text.splitlines()[2] not in result.text + site.state()
    finally:
        site.config["hosts"] = right
    site.must_up()


def test_a_host_that_is_down_is_status_3_before_anything_is_touched(site: HostDeployment, host: TestHost) -> None:
    host.sh("systemctl stop ssh.socket ssh; ss -K state established sport = :22 >/dev/null 2>&1; pkill -x sshd; true")
    try:
        line = first_line(site.up(interface="asgi"), status=3)
        assert line.startswith(f"host {host.address} cannot be reached")
        assert "way out" in line
    finally:
        host.sh("systemctl start ssh")
        site.config["interface"] = "wsgi"
    assert site.answers()


@pytest.mark.parametrize(("folder", "change"), [("releases", "note.txt"), ("venvs", "requirements.txt")])
def test_a_full_disk_costs_the_update_and_says_so(site: HostDeployment, host: TestHost, folder: str, change: str) -> None:
    place = f"/srv/hostfaults/{folder}"
    path = site.source / change
    kept = path.read_text() if path.exists() else None
    path.write_text(f"{kept or ''}\n" + ("tzdata\n" if change == "requirements.txt" else os.urandom(400_000).hex()))
    try:
        with host.full(place):
            line = first_line(site.up())
            assert re.search(r"no space left below /srv/hostfaults\S* \(\d+ MiB free\); way out: free disk space", line), line
            assert site.answers()
            assert host.sh(f"ls -A {place} | grep '^\\.'", check=False) == "", "nothing is left of the try"
    finally:
        path.unlink() if kept is None else path.write_text(kept)
    site.must_up()


def test_a_broken_site_of_somebody_else_stops_the_update_and_leaves_nginx_alone(site: HostDeployment, host: TestHost) -> None:
    host.put("/etc/nginx/sites-enabled/theirs.conf", b"server { listen 80; nonsense; }\n")
    try:
        line = first_line(site.up(interface="asgi"))
        assert "Nginx on this host refuses its present configuration, which is not gateway's fault" in line
        assert "theirs.conf" in line
        assert site.health()["interface"] == "wsgi"
    finally:
        host.run("rm", "/etc/nginx/sites-enabled/theirs.conf")
    site.must_up()
    assert site.health()["interface"] == "asgi"


def test_a_crashed_server_comes_back_and_one_that_cannot_rests_without_losing_its_socket(
    site: HostDeployment, host: TestHost
) -> None:
    (unit,) = site.units()
    name = f"hostfaults-{unit}"
    with Load(base_url=site.url, host=site.domain, rate=20, clients=4) as load:
        host.run("systemctl", "kill", "--signal=KILL", f"{name}.service")
        eventually(lambda: "NRestarts=1" in host.run("systemctl", "show", f"{name}.service", "-p", "NRestarts"), 10)
        eventually(lambda: site.answers(), 20, "it serves again")
    assert {failure.kind for failure in load.report.failures} <= {"502", "reset", "closed"}, load.report.summary()
    host.sh(f"for _ in 1 2 3 4 5 6; do systemctl kill --signal=KILL {name}.service; sleep 1; done", check=False)
    eventually(lambda: "failed" in host.run("systemctl", "is-active", f"{name}.service", check=False), 20, "it gives up")
    eventually(lambda: site.answers(), 60, "it had a rest, its socket is there, and it serves")


def test_after_a_reboot_the_live_instance_alone_comes_back_once_with_its_socket(site: HostDeployment, host: TestHost) -> None:
    serving = site.health()
    host.container.restart(timeout=20)
    host.await_boot()
    eventually(lambda: site.answers(), 60, "the site answers again")
    assert site.health() == serving
    shown = host.run("systemctl", "show", f"hostfaults-{serving['instance']}.service", "-p", "NRestarts")
    assert shown.strip() == "NRestarts=0"
    before = host.logins()
    assert "nothing to do" in site.must_up().out
    assert host.logins() == before


def test_a_clock_that_is_forty_days_behind_the_hosts_is_no_obstacle(site: HostDeployment, host: TestHost) -> None:
    host.sh("apt-get update -qq >/dev/null 2>&1; apt-get install -y -qq --no-install-recommends libfaketime >/dev/null 2>&1")
    library = site.folder / "libfaketime.so.1"
    library.write_bytes(host.get(host.sh("find /usr/lib -name libfaketime.so.1").strip()))
    old, env = site.health()["instance"], dict(site.env)
    (site.source / "store/static/store/skew.txt").write_text("forty days ago")
    site.env |= {"LD_PRELOAD": str(library), "FAKETIME": "-40d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    try:
        assert int(site.run("date", "+%s").out) < int(host.run("date", "+%s")) - 39 * 86400
        site.must_up()
    finally:
        site.env.clear()
        site.env.update(env)
    assert site.health()["instance"] != old
    assert "nothing to do" in site.must_up().out


MOMENTS: dict[str, Callable[[HostDeployment, str], bool]] = {
    "while the release is made": lambda site, old: any((site.folder / ".gateway/state/.pulumi/locks").rglob("*.json")),
    "while the new instance is proved": lambda site, old: bool(set(site.units()) - {old}),
    "while the old instance drains": lambda site, old: site.health()["instance"] != old,
}


@pytest.mark.parametrize("moment", MOMENTS, ids=[name.replace(" ", "-") for name in MOMENTS])
def test_an_update_that_is_killed_harms_nobody_and_the_next_one_finishes(site: HostDeployment, moment: str) -> None:
    old = site.health()["instance"]
    (site.source / "store/static/store/killed.txt").write_text(moment)
    with Load(base_url=site.url, host=site.domain, rate=30, post_rate=5) as load:
        update = site.start()
        eventually(lambda: MOMENTS[moment](site, old), 60, moment)
        kill(update)
        result = site.must_up()
    assert load.report.failed == 0, load.report.summary()
    assert "was killed" in result.out
    serving = site.health()
    assert serving["instance"] != old
    assert site.units() == [serving["instance"]]
    assert "nothing to do" in site.must_up().out


def test_a_killed_update_whose_config_is_taken_back_leaves_no_stray(site: HostDeployment) -> None:
    old = site.health()
    site.config["env"]["ROUND"] = "stray"
    update = site.start()
    eventually(lambda: len(site.units()) == 2, 60)
    kill(update)
    del site.config["env"]["ROUND"]
    site.must_up()
    assert site.health() == old
    assert site.units() == [old["instance"]]


def test_the_second_of_two_machines_that_deploy_at_once_is_told_who_is_at_work(site: HostDeployment) -> None:
    site.config["env"]["ROUND"] = "two"
    update = site.start()
    eventually(lambda: any((site.folder / ".gateway/state/.pulumi/locks").rglob("*.json")), 60)
    other = 'hostname another-machine; exec "$0" -m ops up --stack dev'
    second = site.run("unshare", "--uts", "sh", "-c", other, str(site.folder / ".venv/bin/python"))
    out, _ = update.communicate(timeout=120)
    assert update.returncode == 0, out
    assert second.status == 1, second.text
    assert re.match(r"another update of stack dev is running: process \d+ of \S+@\S+ since", second.err.splitlines()[0])
