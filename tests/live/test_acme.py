"""A site on Docker has its certificate from an ACME server (Pebble) while people shop."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from bench.load import Load
from targets.docker.agent import engine as agent_engine
from tests.browser import Browser
from tests.deployment import eventually
from tests.live.conftest import shop_config
from tests.live.inprocess import InProcessSite
from tests.pebble import Pebble
from tests.ports import free_port
from tests.scanner import grave_findings

pytestmark = pytest.mark.long
RENEW = ("python3", "-m", "targets.common.certificates", "renew", "force")


@pytest.fixture(scope="module")
def site(make_site: Callable[[str], InProcessSite]) -> InProcessSite:
    return make_site("acmeshop")


@pytest.fixture(scope="module")
def pebble(site: InProcessSite, engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    """Reached by containers at the engine's own bridge; it asks this machine for every name."""
    bridge = engine.networks.get("bridge").attrs["IPAM"]["Config"][0]
    gateway = bridge.get("Gateway") or bridge["Subnet"].rpartition(".")[0] + ".1"
    server = Pebble(tmp_path_factory.mktemp("pebble"), listen=gateway, address="127.0.0.1", http_port=site.port)
    yield server
    server.close()


@pytest.fixture(scope="module")
def config(site: InProcessSite, pebble: Pebble) -> Callable[..., dict[str, Any]]:
    port = free_port()

    def make(**more: Any) -> dict[str, Any]:
        return shop_config(site, **{"tls": pebble.tls, "httpsPort": port, "domains": ["localhost"], **more})

    return make


def live(site: InProcessSite) -> str:
    return agent_engine.run_in(site.engine.containers.get("acmeshop-nginx"), "readlink", "/etc/gateway/tls/live")[1]


def renew(site: InProcessSite) -> str:
    return agent_engine.run_in(site.engine.containers.get("acmeshop-acme"), *RENEW)[1]


def test_the_first_up_serves_before_the_server_has_issued_and_the_next_one_asks_again(
    site: InProcessSite, pebble: Pebble, config: Callable[..., dict[str, Any]]
) -> None:
    site.up(config())
    browser = Browser(config()["httpsPort"])
    assert browser.issuer("localhost") == "CN=localhost"
    pebble.start()
    site.up(config())
    eventually(lambda: "Pebble Intermediate" in browser.issuer("localhost"), 10, "Nginx shows what was issued")
    assert Browser(config()["httpsPort"], pebble.root).handshake("localhost")[1] == "h2", "the chain is whole"


def test_a_scanner_finds_nothing_of_medium_severity_or_above(
    site: InProcessSite, pebble: Pebble, config: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    site.up(config(tls={**pebble.tls, "hstsSeconds": 63072000}))
    # Pebble's own: what it issues names no list of revoked ones, and Let's Encrypt's does.
    assert set(grave_findings(tmp_path, "localhost", config()["httpsPort"], pebble.root)) <= {"cert_revocation"}


def test_a_renewal_while_the_interface_is_switched_loses_nothing(
    site: InProcessSite, config: Callable[..., dict[str, Any]]
) -> None:
    before = live(site)
    with Load(base_url=f"https://localhost:{config()['httpsPort']}", rate=40, post_rate=10, clients=8) as load:
        renewing = threading.Thread(target=lambda: renew(site))
        renewing.start()
        assert site.up(config(interface="asgi"))["interface"] == "asgi"
        renewing.join()
    assert load.report.lost == 0, load.report.summary()
    assert live(site) != before


def test_a_server_that_is_down_at_renewal_leaves_the_certificate_as_it_is(site: InProcessSite, pebble: Pebble) -> None:
    before = live(site)
    pebble.stop()
    assert "not renewed: no certificate for localhost" in renew(site)
    assert live(site) == before
    pebble.start()


def test_a_name_that_leads_elsewhere_takes_nothing_from_the_others(
    site: InProcessSite, pebble: Pebble, config: Callable[..., dict[str, Any]]
) -> None:
    before = live(site)
    pebble.leads("lost.localhost", "127.0.0.9")
    site.up(config(redirects=["lost.localhost"]))
    assert live(site) == before
    pebble.leads("lost.localhost", "127.0.0.1")
    renew(site)
    assert live(site) != before


def test_neither_without_tls_nor_a_restart_of_nginx_loses_the_certificate(
    site: InProcessSite, config: Callable[..., dict[str, Any]]
) -> None:
    before = live(site)
    site.up(config(tls={"mode": "off"}))
    site.up(config(redirects=["lost.localhost"]))
    assert live(site) == before
    site.engine.containers.get("acmeshop-nginx").restart(timeout=2)
    browser = Browser(config()["httpsPort"])
    eventually(lambda: "Pebble Intermediate" in browser.issuer("localhost"), 20, "it is shown again")
