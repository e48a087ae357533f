"""One bare Linux host becomes a site, and people go on shopping while interface, server, release and secrets change."""

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from bench.load import Load
from tests.deployment import eventually
from tests.hosting import HostDeployment, servers_in_turn
from tests.live.hosts import TestHost

SECRET = "tok-3b9d5e77aa41c2f8-payment"
EXPOSURE = 2.0
"""What ``systemd-analyze security`` may say at most; the usual unit has 9.2."""


@pytest.fixture(scope="module")
def host(linux: Callable[..., TestHost]) -> TestHost:
    """As bare as a fresh server: no Nginx, no venv package."""
    host = linux("one")
    host.sh("apt-get purge -qq -y nginx-light nginx-common python3-venv python3.11-venv >/dev/null 2>&1; rm -rf /etc/nginx")
    return host


@pytest.fixture(scope="module")
def site(deploy_to_hosts: Callable[..., HostDeployment], host: TestHost) -> HostDeployment:
    site = deploy_to_hosts("hosted", [host])
    site.must_up()
    return site


def test_a_bare_host_gets_all_it_needs_and_serves(site: HostDeployment, host: TestHost) -> None:
    assert site.health()["interface"] == "wsgi"
    outputs = site.outputs()
    assert outputs["hosts"] == {
        host.address: {"instance": outputs["instance"], "socket": f"/run/hosted/{outputs['instance']}.sock"}
    }
    assert outputs["url"] == "http://hosted.example/"
    with site.client() as client:
        page = client.get("/").text
        style = re.findall(r'href="(/static/store/shop\.[0-9a-f]{12}\.css)"', page)
        assert client.get(style[0]).headers["Cache-Control"] == "public, max-age=31536000, immutable"
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/", headers={"Host": "other.example"})


def test_nothing_to_do_is_no_login_and_no_change(site: HostDeployment) -> None:
    before = site.logins()
    assert "nothing to do" in site.must_up().out
    assert site.logins() == before


def test_files_are_where_the_field_looks_for_them_with_owners_and_modes(site: HostDeployment, host: TestHost) -> None:
    serving = site.outputs()
    (unit,) = site.units()
    assert unit == serving["instance"]
    modes = {
        "/etc/hosted/env": "drwxr-x--- root:hosted",
        f"/etc/systemd/system/hosted-{unit}.service": "-rw-r--r-- root:root",
        f"/srv/hosted/releases/{serving['release']}": "drwxr-xr-x root:root",
        "/srv/hosted/media": "drwxrwsr-x hosted:hosted",
        "/srv/hosted/data": "drwxrws--- hosted:hosted",
        f"/run/hosted/{unit}.sock": "srw-rw---- hosted:www-data",
    }
    found = dict(line.split("|") for line in host.sh(f"stat -c '%n|%A %U:%G' {' '.join(modes)}").splitlines())
    assert found == modes
    (env,) = host.sh("stat -c '%A %U:%G' /etc/hosted/env/*.env").splitlines()
    assert env == "-rw-r----- root:hosted"
    assert host.run("readlink", "/run/hosted/live.sock").strip() == f"{unit}.sock"
    assert host.run("readlink", "/srv/hosted/current").strip() == f"releases/{serving['release']}"
    assert host.run("readlink", "-f", "/etc/hosted/hosted.env").startswith("/etc/hosted/env/")


def test_the_unit_is_hardened_and_only_ssh_and_the_web_answer_from_outside(site: HostDeployment, host: TestHost) -> None:
    (unit,) = site.units()
    told = host.run("systemd-analyze", "security", "--no-pager", f"hosted-{unit}.service")
    exposure = re.search(r"Overall exposure level .*: ([0-9.]+)", told)
    assert exposure is not None
    assert float(exposure[1]) <= EXPOSURE, told
    listening = {line.split()[3].rpartition(":") for line in host.run("ss", "-Htln").splitlines()}
    assert {int(port) for address, _, port in listening if not address.startswith("127.")} <= {22, 80, 443}


@pytest.mark.parametrize("switches", [8, pytest.param(20, marks=pytest.mark.long)])
def test_switches_over_all_servers_lose_no_request_and_close_no_idle_client(site: HostDeployment, switches: int) -> None:
    servers = servers_in_turn()
    next(servers)
    served = [site.health()["instance"]]
    before = site.logins()
    with Load(base_url=site.url, host=site.domain, rate=50, post_rate=10, slow=1, idle=8, clients=8) as load:
        for number in range(switches):
            _change(site, number, f"{number} of {switches}", servers)
            done = site.pulumi("up", "--yes", "--skip-preview")
            assert done.status == 0, done.text
            served.append(site.health()["instance"])
    report = load.report
    assert report.errors == ()
    assert report.failed == 0, report.summary()
    assert report.closed_idle == 0, report.summary()
    assert all(one != other for one, other in itertools.pairwise(served)), "every change is another instance"
    assert set(report.answers["X-Instance"]) == set(served)
    assert len(site.units()) == 1
    assert site.logins()[0] - before[0] <= 6 * switches


def _change(site: HostDeployment, number: int, text: str, servers: Iterator[tuple[str, str]]) -> None:
    """Mostly the server, and with it the interface; now and then a release or a secret."""
    if number % 7 == 5:
        (site.source / "store/static/store/note.txt").write_text(f"release {text}")
    elif number % 7 == 6:
        done = site.pulumi("config", "set", "--secret", "--path", "gateway:secrets.API_TOKEN", text=f"{SECRET} {text}")
        assert done.status == 0, done.text
    else:
        site.config["interface"], site.config["server"] = next(servers)
    site.write_config()


def test_a_secret_is_nowhere_but_in_its_file(site: HostDeployment, host: TestHost) -> None:
    host.sh("nohup sh -c 'while [ ! -e /root/enough ]; do ps -eo args; sleep 0.05; done' > /root/ps.log 2>&1 &")
    site.pulumi("config", "set", "--secret", "--path", "gateway:secrets.API_TOKEN", text=SECRET)
    site.write_config()
    done = site.pulumi("up", "--yes", "--skip-preview", "--diff")
    assert done.status == 0, done.text
    assert SECRET not in done.text
    assert SECRET not in site.state()
    host.run("touch", "/root/enough")
    assert "gateway" in host.run("cat", "/root/ps.log"), "or nobody has looked"
    assert SECRET not in host.sh("cat /root/ps.log; ps -eo args; journalctl --no-pager; cat /etc/systemd/system/hosted-*")
    holders = host.sh(f"grep -rlF '{SECRET}' /etc /srv /run /var /usr/local /tmp /root 2>/dev/null", check=False).split()
    assert [path for path in holders if not path.endswith(".env")] == []
    assert holders, "or nothing has been looked at"


def test_streams_live_until_the_drain_ends_then_close_cleanly_and_come_back(site: HostDeployment) -> None:
    site.must_up(interface="asgi", server="uvicorn", drainSeconds=6)
    with Load(base_url=site.url, host=site.domain, rate=20, websockets=4, sse=4, clients=4) as load:
        time.sleep(1)
        site.must_up(server="gunicorn-asgi")
        eventually(lambda: load.report.websockets["opened"] == 8 and load.report.sse["opened"] == 8, 20, "all are back")
    report = load.report
    assert report.failed == 0, report.summary()
    for streams in (report.websockets, report.sse):
        assert streams["cut"] == 0, (streams, report.summary())
        assert streams["open_failed"] == {}


def test_the_plain_form_has_ports_and_www_data_and_loses_no_request_either(site: HostDeployment, host: TestHost) -> None:
    with Load(base_url=site.url, host=site.domain, rate=40, post_rate=10, clients=8) as load:
        site.must_up(serving="tcp", interface="wsgi", server="gunicorn")
        site.must_up(interface="asgi", server="daphne")
    assert load.report.lost == 0, load.report.summary()
    (unit,) = site.units()
    assert "User=www-data" in host.run("cat", f"/etc/systemd/system/hosted-{unit}.service")
    assert "127.0.0.1:" in host.run("cat", "/etc/hosted/upstream.conf")
    assert "nothing to do" in site.must_up().out


def test_closing_the_site_is_nginx_alone_and_the_log_that_tells_of_it_is_turned(site: HostDeployment, host: TestHost) -> None:
    site.must_up(serving="socket")
    before = site.outputs()["instance"]
    address = host.run("hostname", "-I").split()[0]
    site.must_up(maintenance=True, limits={"login": {"paths": ["/admin/login/"]}})
    with site.client() as client:
        eventually(lambda: client.get("/").status_code == 503, 5, address)
        assert "Closed for a moment" in client.get("/?secret=x").text
    assert (site.health()["instance"], site.outputs()["instance"]) == (before, before)
    host.run("logrotate", "--force", "/etc/logrotate.d/nginx")
    site.must_up(maintenance=False)
    with site.client() as client:
        eventually(lambda: client.get("/").status_code == 200, 5)
        attempts = [client.post("/admin/login/", data={"username": "root"}).status_code for _ in range(9)]
        assert attempts.count(429) == 3
    log = "/var/log/nginx/hosted.access.log"
    eventually(lambda: before in host.run("cat", log), 5, "the log goes on in a new file")
    closed = [json.loads(line) for line in host.run("cat", f"{log}.1").splitlines()]
    assert {line["uri"] for line in closed if line["status"] == 503} == {"/"}
    site.must_up(limits={})


def test_an_operator_sees_what_serves_and_goes_back_by_hand_which_the_next_up_tells(site: HostDeployment, host: TestHost) -> None:
    site.must_up(serving="socket", interface="wsgi", server="gunicorn")
    site.must_up(interface="asgi", server="uvicorn")
    serving, previous = site.outputs()["instance"], site.outputs()["previous"]["instance"]
    status = host.run("gateway", "status", "hosted")
    assert re.search(rf"instance +{serving} +live +active", status), status
    assert re.search(rf"instance +{previous} +previous +inactive", status), status
    with Load(base_url=site.url, host=site.domain, rate=30, clients=4) as load:
        told = host.run("gateway", "switch", "hosted", previous)
        # Nginx uses its connections to the other instance for two seconds more.
        eventually(lambda: site.health()["instance"] == previous, 10, "the kept instance serves")
        assert "the stack does not know of this" in told
        result = site.must_up()
    assert load.report.failed == 0, load.report.summary()
    eventually(lambda: site.health()["instance"] == serving, 10, result.text)
    assert site.units() == [serving]
    assert json.loads(host.run("cat", "/etc/hosted/serving.json"))["live"] == serving


def test_down_leaves_the_host_as_it_was_but_for_what_users_made(site: HostDeployment, host: TestHost) -> None:
    done = site.ops("down")
    assert done.status == 0, done.text
    left = host.sh("ls /etc/systemd/system /etc/nginx/sites-enabled /run | grep hosted; ls -A /srv/hosted", check=False)
    assert left.split() == ["data", "media"]
    assert host.run("systemctl", "is-active", "nginx").strip() == "active"


def test_down_with_data_leaves_nothing_at_all(site: HostDeployment, host: TestHost) -> None:
    done = site.ops("down", "--data", "delete")
    assert done.status == 0, done.text
    assert host.sh("ls -d /srv/hosted /etc/hosted /run/hosted 2>/dev/null; id -un hosted 2>/dev/null", check=False) == ""
