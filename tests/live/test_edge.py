"""Nginx in front of the site: who is let in, what gets through, and what a change of its settings costs."""

import http.client
from collections.abc import Callable

import httpx
import pytest

from bench.load import Load
from targets.common.errors import AgentError
from targets.docker.agent import engine as agent_engine
from targets.docker.agent import proxy
from targets.docker.requests import ProxyRequest
from tests.deployment import eventually
from tests.live.conftest import shop_config
from tests.live.inprocess import InProcessSite


@pytest.fixture(scope="module")
def site(make_site: Callable[[str], InProcessSite]) -> InProcessSite:
    site = make_site("edge")
    site.up(shop_config(site, bodyLimitMb=1))
    return site


def test_a_name_that_is_not_served_gets_no_answer(site: InProcessSite) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(site.url, headers={"Host": "other.example"})


def test_a_body_over_the_limit_is_refused_and_one_below_is_taken(site: InProcessSite) -> None:
    def post(size: int) -> int:
        return httpx.post(f"{site.url}/echo/", content=b"x" * size, headers={"Host": "localhost"}).status_code

    assert (post(1024 * 1024), post(1024 * 1024 + 1)) == (200, 413)


@pytest.mark.parametrize(
    "path", ["/static/../etc/passwd", "/static/..%2f..%2fetc/passwd", "/media/../../etc/passwd", "/static../env/"]
)
def test_nothing_outside_static_and_media_is_served(site: InProcessSite, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", "localhost")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status in (400, 404)
    assert b"root:" not in answer.read()


def test_forged_forwarding_headers_do_not_reach_the_app(site: InProcessSite) -> None:
    headers = {
        "Host": "localhost",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "6.6.6.6",
    }
    answer = httpx.get(f"{site.url}/admin/", headers=headers)
    assert answer.status_code == 302
    assert "evil.example" not in answer.headers["Location"]


def test_a_changed_setting_is_applied_in_place_by_a_reload_that_loses_nothing(site: InProcessSite) -> None:
    before = site.engine.containers.get("edge-nginx").attrs["State"]["StartedAt"]
    with Load(base_url=site.url, host="localhost", rate=60, post_rate=10) as load:
        site.up(shop_config(site, bodyLimitMb=2, domains=["localhost", "second.example"], env={"ALLOWED_HOSTS": "*"}))
    assert load.report.lost == 0, load.report.summary()
    eventually(lambda: httpx.get(site.url, headers={"Host": "second.example"}).status_code == 200, 10)
    assert site.engine.containers.get("edge-nginx").attrs["State"]["StartedAt"] == before


def test_a_site_is_closed_and_opened_by_nginx_alone_and_a_switch_goes_on_behind_the_page(site: InProcessSite) -> None:
    def ask(path: str = "/") -> httpx.Response:
        return httpx.get(f"{site.url}{path}", headers={"Host": "localhost"})

    before = site.up(shop_config(site))
    closed = site.up(shop_config(site, maintenance=True))
    assert closed["instance"] == before["instance"]
    eventually(lambda: ask().status_code == 503, 5)
    assert (ask().headers["Retry-After"], ask("/health/").status_code) == ("120", 200)
    assert "Closed for a moment" in ask().text
    switched = site.up(shop_config(site, maintenance=True, interface="asgi"))
    assert (ask().status_code, ask("/health/").json()["interface"]) == (503, "asgi")
    opened = site.up(shop_config(site, interface="asgi"))
    assert opened["instance"] == switched["instance"] != before["instance"]
    eventually(lambda: ask().status_code == 200, 5)


def test_limits_are_per_client_and_never_in_the_way_of_a_switch(site: InProcessSite) -> None:
    site.up(shop_config(site, limits={"requestsPerSecond": 1, "burst": 1}))
    with httpx.Client(base_url=site.url, headers={"Host": "localhost"}) as client:
        assert [client.get("/").status_code for _ in range(6)].count(429) >= 3
    site.up(shop_config(site))


def test_a_configuration_that_nginx_refuses_never_comes_near_the_running_one(site: InProcessSite) -> None:
    image = site.engine.containers.get("edge-nginx").attrs["Image"]
    request = ProxyRequest(app="edge", owner="gateway/dev", image=image, configuration="events {}\nhttp { no_such_directive; }\n")
    with pytest.raises(AgentError, match=r"refuses the new configuration, the old one stays.*no_such_directive"):
        proxy.apply(agent_engine.connect(), request)
    assert httpx.get(site.url, headers={"Host": "localhost"}).status_code == 200
    site.engine.containers.get("edge-nginx").restart(timeout=2)
    eventually(lambda: _answers(site), what="the configuration from before is read again")


def _answers(site: InProcessSite) -> bool:
    """Docker takes connections for a port before the container listens, and resets them."""
    try:
        return httpx.get(site.url, headers={"Host": "localhost"}).status_code == 200
    except httpx.TransportError:
        return False
