"""TLS that ends at Nginx on a real Docker engine, as a browser finds it."""

import math
import ssl
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.load import Load
from targets.docker.agent import engine as agent_engine
from tests.authority import NOW, Authority, authority, openssl_days, write
from tests.browser import Browser
from tests.deployment import eventually
from tests.live.conftest import shop_config
from tests.live.inprocess import InProcessSite
from tests.ports import free_port

NAMES = ["localhost", "two.localhost"]


@pytest.fixture(scope="module")
def ca() -> Authority:
    return authority()


@pytest.fixture(scope="module")
def tls_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def config(tls_port: int) -> Callable[..., dict[str, Any]]:
    def make(site: InProcessSite, tls: dict[str, Any], **more: Any) -> dict[str, Any]:
        return shop_config(site, **{"tls": tls, "httpsPort": tls_port, "domains": NAMES, "redirects": ["old.localhost"], **more})

    return make


@pytest.fixture(scope="module")
def site(make_site: Callable[[str], InProcessSite], config: Callable[..., dict[str, Any]]) -> InProcessSite:
    site = make_site("tlsfiles")
    served = site.up(config(site, {"mode": "self-signed"}))
    assert served["url"] == f"https://localhost:{config(site, {})['httpsPort']}/"
    return site


def test_a_self_made_certificate_serves_every_name_with_http2(site: InProcessSite, tls_port: int) -> None:
    browser = Browser(tls_port)
    shown = {browser.handshake(name) for name in (*NAMES, "old.localhost")}
    assert {protocol for _, protocol in shown} == {"h2"}
    assert len(shown) == 1
    answer = browser.get("/")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers, "a browser could not be told otherwise again"


def test_a_name_that_is_not_served_gets_no_handshake(site: InProcessSite, tls_port: int) -> None:
    with pytest.raises(ssl.SSLError, match=r"UNRECOGNIZED_NAME|unrecognized name"):
        Browser(tls_port).handshake("other.example")


def test_http_leads_to_https_but_for_the_health_probe_and_an_acme_server(site: InProcessSite, tls_port: int) -> None:
    def get(path: str, name: str = "localhost", method: str = "GET") -> httpx.Response:
        return httpx.request(method, f"{site.url}{path}", headers={"Host": name})

    moved = get("/orders/?page=2", "two.localhost")
    assert (moved.status_code, moved.headers["Location"]) == (301, f"https://two.localhost:{tls_port}/orders/?page=2")
    assert get("/health/").status_code == 200
    assert get("/health/", method="POST").status_code == 403
    assert get("/.well-known/acme-challenge/none").status_code == 404
    with pytest.raises(httpx.RemoteProtocolError):
        get("/", "other.example")


def test_other_names_of_the_site_lead_to_the_primary_one(site: InProcessSite, tls_port: int) -> None:
    answer = Browser(tls_port).get("/orders/?page=2", "old.localhost")
    assert (answer.status_code, answer.headers["Location"]) == (301, f"https://localhost:{tls_port}/orders/?page=2")


def _told_and_real(site: InProcessSite) -> tuple[int, int]:
    """Days by ``make status``, and by openssl of the file that Nginx has."""
    nginx = site.engine.containers.get("tlsfiles-nginx")
    _, chain = agent_engine.run_in(nginx, "cat", "/etc/gateway/tls/live/fullchain.pem")
    (told,) = (host["certificate_days"] for host in site.look()["hosts"])
    return told, math.floor(openssl_days(chain))


def test_status_tells_the_days_that_openssl_tells_of_a_self_made_certificate(site: InProcessSite) -> None:
    told, real = _told_and_real(site)
    assert told == real
    assert told > 300


@pytest.mark.parametrize(("days", "wrong"), [(40.5, []), (5.5, ["the certificate ends in 5 days"])])
def test_status_tells_the_days_that_openssl_tells_of_one_of_the_config_and_warns_near_its_end(
    site: InProcessSite, config: Callable[..., dict[str, Any]], ca: Authority, tmp_path: Path, days: float, wrong: list[str]
) -> None:
    site.up(config(site, write(tmp_path, *ca.issue([*NAMES, "old.localhost"], ends=NOW + timedelta(days=days))[1:])))
    eventually(lambda: _told_and_real(site)[0] == int(days), 10, "Nginx shows it")
    assert _told_and_real(site) == (int(days), int(days))
    assert [one["what"] for one in site.look()["wrong"] if "certificate" in one["what"]] == wrong


def test_certificates_of_the_config_are_taken_over_in_place_and_nothing_is_lost(
    site: InProcessSite, config: Callable[..., dict[str, Any]], ca: Authority, tls_port: int, tmp_path: Path
) -> None:
    started = site.engine.containers.get("tlsfiles-nginx").attrs["State"]["StartedAt"]
    first, second = (ca.issue([*NAMES, "old.localhost"]) for _ in range(2))
    site.up(config(site, write(tmp_path, *first[1:])))
    trusting = Browser(tls_port, ca.root.text)
    eventually(lambda: trusting.sees(first[0]), 10, "the certificate of the config is shown, with its chain")
    before = site.engine.containers.get("tlsfiles-nginx").logs().decode()
    with Load(base_url=f"https://localhost:{tls_port}", rate=40, post_rate=5) as load:
        site.up(config(site, write(tmp_path, *second[1:])))
        eventually(lambda: trusting.sees(second[0]), 10, "the next one is shown")
    assert load.report.lost == 0, load.report.summary()
    assert site.engine.containers.get("tlsfiles-nginx").attrs["State"]["StartedAt"] == started
    assert before.count("is in use") + 1 == site.engine.containers.get("tlsfiles-nginx").logs().decode().count("is in use")
    assert second[2].splitlines()[1] not in _state(site), "the key is in no state in plain text"


def _state(site: InProcessSite) -> str:
    return "".join(path.read_text() for path in site.folder.rglob("*.json"))


def test_hsts_is_told_once_on_every_kind_of_page(site: InProcessSite, tls_port: int) -> None:
    browser = Browser(tls_port)
    for path in ("/", "/static/store/logo.svg", "/media/none", "/no-such-page/"):
        assert browser.get(path).headers.get_list("Strict-Transport-Security") == ["max-age=3600"], path


def test_the_app_is_told_that_browsers_come_with_tls(site: InProcessSite, tls_port: int) -> None:
    """The example redirects to https itself and marks its cookies, with HTTPS=1: no loop, and CSRF holds."""
    browser = Browser(tls_port)
    page = browser.get("/admin/login/")
    assert page.status_code == 200
    token = page.text.partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]
    context = browser.context
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    origin = f"https://localhost:{tls_port}"
    with httpx.Client(verify=context, headers={"Host": f"localhost:{tls_port}"}) as client:
        answer = client.post(
            f"https://127.0.0.1:{tls_port}/admin/login/",
            data={"csrfmiddlewaretoken": token, "username": "a", "password": "b"},
            headers={"Origin": origin, "Referer": f"{origin}/admin/login/", "Cookie": f"csrftoken={page.cookies['csrftoken']}"},
            extensions={"sni_hostname": "localhost"},
        )
    assert answer.status_code == 200, "a wrong password, and no CSRF failure"


def test_private_keys_are_for_root_alone(site: InProcessSite) -> None:
    nginx = site.engine.containers.get("tlsfiles-nginx")
    asked = ["stat", "-L", "-c", "%a %U", "/etc/gateway/tls/live/privkey.pem", "/etc/gateway/tls/pairs"]
    assert agent_engine.run_in(nginx, *asked) == (0, "600 root\n700 root")
    assert "PRIVATE KEY" not in subprocess.run(["docker", "inspect", "tlsfiles-nginx"], capture_output=True, text=True).stdout


@pytest.mark.long
def test_back_without_tls_and_on_again_the_self_made_certificate_is_the_same(
    site: InProcessSite, config: Callable[..., dict[str, Any]], tls_port: int
) -> None:
    site.up(config(site, {"mode": "self-signed"}))
    browser = Browser(tls_port)
    eventually(lambda: browser.handshake("localhost")[0] != "", 10)
    first = browser.handshake("localhost")[0]
    served = site.up(config(site, {"mode": "off"}, redirects=[]))
    assert served["url"].startswith("http://")
    assert httpx.get(f"{site.url}/", headers={"Host": "localhost"}).status_code == 200
    with pytest.raises(OSError, match="refused"):
        browser.handshake("localhost")
    site.up(config(site, {"mode": "self-signed"}))
    assert browser.handshake("localhost")[0] == first
