"""A Linux host has its certificate from an ACME server (Pebble) while people shop."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.load import Load
from tests.browser import Browser
from tests.hosting import HostDeployment
from tests.live.hosts import TestHost
from tests.pebble import Pebble
from tests.scanner import grave_findings

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def host(linux: Callable[..., TestHost]) -> TestHost:
    return linux("acme")


@pytest.fixture(scope="module")
def pebble(host: TestHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    here = f"{host.address.rpartition('.')[0]}.1"
    server = Pebble(tmp_path_factory.mktemp("pebble"), listen=here, address=host.address, http_port=80)
    yield server
    server.close()


@pytest.fixture(scope="module")
def site(deploy_to_hosts: Callable[..., HostDeployment], host: TestHost, pebble: Pebble) -> HostDeployment:
    return deploy_to_hosts("acmehost", [host])


def live(host: TestHost) -> str:
    return host.run("readlink", "/etc/acmehost/tls/live").strip()


def test_the_first_up_serves_before_the_server_has_issued_and_the_next_one_asks_again(
    site: HostDeployment, host: TestHost, pebble: Pebble
) -> None:
    done = site.must_up(tls=pebble.tls)
    assert "the ACME server has not issued for all names yet: self-signed" in done.text, done.text
    browser = Browser(443, address=host.address)
    assert browser.issuer(site.domain) == "CN=acmehost.example"
    pebble.start()
    site.must_up()
    assert "Pebble Intermediate" in browser.issuer(site.domain)
    assert Browser(443, pebble.root, host.address).handshake(site.domain)[1] == "h2", "the chain is whole"
    assert "nothing to do" in site.must_up().out
    assert "acme until" in host.run("gateway", "status", "acmehost")
    assert host.run("systemctl", "is-active", "gateway-acmehost-certificate.timer").strip() == "active"


def test_a_scanner_finds_nothing_of_medium_severity_or_above(
    site: HostDeployment, host: TestHost, pebble: Pebble, tmp_path: Path
) -> None:
    site.must_up(tls={**pebble.tls, "hstsSeconds": 63072000})
    # Pebble's own: what it issues names no list of revoked ones, and Let's Encrypt's does.
    assert set(grave_findings(tmp_path, site.domain, 443, pebble.root, address=host.address)) <= {"cert_revocation"}


def test_a_renewal_while_the_interface_is_switched_loses_nothing(site: HostDeployment, host: TestHost) -> None:
    before = live(host)
    with Load(base_url=f"https://{host.address}", host=site.domain, rate=40, post_rate=10, clients=8) as load:
        renewing = threading.Thread(target=lambda: host.run("gateway", "renew", "acmehost", "--force"))
        renewing.start()
        site.must_up(interface="asgi")
        renewing.join()
    assert load.report.lost == 0, load.report.summary()
    assert live(host) != before
    assert site.health()["interface"] == "asgi"


def test_the_timer_renews_with_a_third_of_its_life_left_and_not_before(
    site: HostDeployment, host: TestHost, pebble: Pebble
) -> None:
    before = live(host)
    host.run("systemctl", "start", "gateway-acmehost-certificate.service")
    assert live(host) == before
    _shorten(pebble, 3)
    host.run("gateway", "renew", "acmehost", "--force")
    short = live(host)
    assert short != before
    host.sh("sleep 2.5")  # two thirds of a life of three seconds
    host.run("systemctl", "start", "gateway-acmehost-certificate.service")
    assert live(host) != short
    _shorten(pebble, 90 * 86400)
    host.run("gateway", "renew", "acmehost", "--force")


def _shorten(pebble: Pebble, seconds: int) -> None:
    path = pebble.folder / "pebble.json"
    told = json.loads(path.read_text())
    told["pebble"]["profiles"]["default"]["validityPeriod"] = seconds
    path.write_text(json.dumps(told))
    pebble.stop()
    pebble.start()


def test_a_server_that_is_down_at_renewal_fails_the_unit_and_the_old_certificate_goes_on(
    site: HostDeployment, host: TestHost, pebble: Pebble
) -> None:
    before = live(host)
    pebble.stop()
    host.run("gateway", "renew", "acmehost", "--force", check=False)
    assert live(host) == before
    assert "not renewed: no certificate for acmehost.example" in host.run("gateway", "status", "acmehost")
    assert "Pebble Intermediate" in Browser(443, address=host.address).issuer(site.domain)
    pebble.start()


def test_a_name_that_leads_elsewhere_is_told_of_and_the_others_keep_their_certificate(
    site: HostDeployment, host: TestHost, pebble: Pebble
) -> None:
    before = live(host)
    pebble.leads("lost.example", "127.0.0.9")
    done = site.must_up(redirects=["lost.example"])
    assert live(host) == before
    assert "the ACME server has not issued for all names yet: acme" in done.text, done.text
    assert "lost.example" in host.run("gateway", "status", "acmehost")
    pebble.leads("lost.example", host.address)
    host.run("systemctl", "start", "gateway-acmehost-certificate.service")
    assert live(host) != before, done.text
    assert Browser(443, pebble.root, host.address).handshake("lost.example")[1] == "h2"


def test_account_and_certificate_outlive_a_rollback_and_down(site: HostDeployment, host: TestHost) -> None:
    kept = host.sh("sha256sum /etc/acmehost/acme/accounts/*/account_key.pem"), live(host)
    site.must_rollback(None, "--yes")
    assert (host.sh("sha256sum /etc/acmehost/acme/accounts/*/account_key.pem"), live(host)) == kept
    assert site.ops("down").status == 0
    assert (host.sh("sha256sum /etc/acmehost/acme/accounts/*/account_key.pem"), live(host)) == kept
    assert "gateway-acmehost" not in host.sh("ls /etc/systemd/system")
