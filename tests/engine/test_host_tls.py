"""TLS that ends at the Nginx of a real Linux host."""

import json
import math
import re
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.load import Load
from tests.authority import Authority, authority, openssl_days, write
from tests.browser import Browser
from tests.hosting import HostDeployment
from tests.live.hosts import TestHost
from tests.scanner import grave_findings


@pytest.fixture(scope="module")
def host(linux: Callable[..., TestHost]) -> TestHost:
    return linux("tls")


@pytest.fixture(scope="module")
def site(deploy_to_hosts: Callable[..., HostDeployment], host: TestHost) -> HostDeployment:
    site = deploy_to_hosts("tlshost", [host])
    site.must_up(tls={"mode": "self-signed"}, redirects=["www.tlshost.example"])
    return site


@pytest.fixture(scope="module")
def ca() -> Authority:
    return authority()


def test_a_host_serves_with_a_certificate_that_it_has_made_and_refuses_other_names(site: HostDeployment, host: TestHost) -> None:
    assert site.outputs()["url"] == "https://tlshost.example/"
    browser = Browser(443, address=host.address)
    assert browser.handshake(site.domain)[1] == "h2"
    assert browser.get("/health/", site.domain).status_code == 200
    with pytest.raises(ssl.SSLError):
        browser.handshake("other.example")
    moved = browser.get("/x/?a=1", "www.tlshost.example")
    assert (moved.status_code, moved.headers["Location"]) == (301, "https://tlshost.example/x/?a=1")
    with site.client() as client:
        assert client.get("/x/?a=1").headers["Location"] == "https://tlshost.example/x/?a=1"
    assert re.search(
        r"tls +self-signed until .* for tlshost.example, www.tlshost.example", host.run("gateway", "status", "tlshost")
    )
    assert "nothing to do" in site.must_up().out


def _told_and_real(site: HostDeployment, host: TestHost) -> tuple[int, int]:
    """Days by ``make status``, and by openssl of the file that Nginx has."""
    (told,) = json.loads(site.ops("status", "--json").out)["hosts"]
    return told["certificate_days"], math.floor(openssl_days(host.run("cat", "/etc/tlshost/tls/live/fullchain.pem")))


def test_status_tells_the_days_that_openssl_tells(site: HostDeployment, host: TestHost) -> None:
    told, real = _told_and_real(site, host)
    assert told == real
    assert told > 300


@pytest.mark.long
def test_a_switch_leaves_nginx_and_certificate_alone(site: HostDeployment, host: TestHost) -> None:
    before = host.run("readlink", "/etc/tlshost/tls/live"), _workers(host)
    with Load(base_url=f"https://{host.address}", host=site.domain, rate=40, post_rate=10, idle=4, clients=8) as load:
        site.must_up(interface="asgi")
    assert load.report.failed == 0, load.report.summary()
    assert load.report.closed_idle == 0, load.report.summary()
    assert (host.run("readlink", "/etc/tlshost/tls/live"), _workers(host)) == before


def test_the_certificate_of_the_config_is_taken_over_and_its_key_is_nowhere_else(
    site: HostDeployment, host: TestHost, ca: Authority, tmp_path: Path
) -> None:
    leaf, chain, key = ca.issue([site.domain, "www.tlshost.example"])
    host.sh("nohup sh -c 'while [ ! -e /root/enough ]; do ps -eo args; sleep 0.05; done' > /root/ps.log 2>&1 &")
    with Load(base_url=f"https://{host.address}", host=site.domain, rate=40, post_rate=10, clients=8) as load:
        done = site.must_up(tls=write(tmp_path, chain, key))
    host.run("touch", "/root/enough")
    assert load.report.lost == 0, load.report.summary()
    assert Browser(443, ca.root.text, host.address).sees(leaf, site.domain)
    assert _told_and_real(site, host) == (89, 89)
    line = key.splitlines()[1]
    assert line not in done.text
    assert line not in site.state()
    assert line not in host.sh("cat /root/ps.log; journalctl --no-pager")
    holders = host.sh(f"grep -rlF '{line}' /etc /srv /run /var /usr/local /tmp /root 2>/dev/null", check=False).split()
    assert len(holders) == 1
    assert host.run("stat", "-c", "%a %U:%G", holders[0]).strip() == "600 root:root"
    assert "nothing to do" in site.must_up().out


@pytest.mark.long
def test_a_certificate_that_nginx_cannot_use_is_put_back_before_anybody_sees_it(
    site: HostDeployment, host: TestHost, ca: Authority, tmp_path: Path
) -> None:
    live = host.run("readlink", "/etc/tlshost/tls/live")
    host.sh("echo 'ssl_certificate /nowhere;' > /etc/nginx/conf.d/theirs.conf")
    done = site.up(tls=write(tmp_path, *ca.issue([site.domain, "www.tlshost.example"])[1:]))
    assert done.status == 1
    assert "the one before serves again" in done.text
    assert "/nowhere" in done.text
    assert host.run("readlink", "/etc/tlshost/tls/live") == live
    host.run("rm", "/etc/nginx/conf.d/theirs.conf")
    site.must_up()
    assert host.run("readlink", "/etc/tlshost/tls/live") != live


@pytest.mark.long
def test_a_scanner_finds_nothing_of_medium_severity_or_above_on_a_host(
    site: HostDeployment, host: TestHost, ca: Authority, tmp_path: Path
) -> None:
    files = write(tmp_path, *ca.issue([site.domain, "www.tlshost.example"])[1:])
    site.must_up(tls={**files, "hstsSeconds": 63072000})
    assert grave_findings(tmp_path, site.domain, 443, ca.root.text, address=host.address) == {}


@pytest.mark.long
def test_without_tls_nothing_listens_there_any_more_and_the_certificates_stay(site: HostDeployment, host: TestHost) -> None:
    made = host.sh("ls /etc/tlshost/tls/pairs")
    site.must_up(tls={"mode": "off"}, redirects=[])
    assert ":443" not in host.run("ss", "-Htln")
    assert site.outputs()["url"] == "http://tlshost.example/"
    assert host.sh("ls /etc/tlshost/tls/pairs") == made
    assert site.answers()


def _workers(host: TestHost) -> str:
    return host.sh("pgrep -f '^nginx: worker' | sort")
