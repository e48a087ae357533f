"""Every kind of view through Nginx, served by each of the six servers."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from settings.model import SERVERS
from tests.deployment import eventually
from tests.live.conftest import shop_config
from tests.live.inprocess import InProcessSite

ALL = [(interface, server) for interface, servers in SERVERS.items() for server in servers]


@pytest.fixture(scope="module")
def site(make_site: Callable[[str], InProcessSite]) -> InProcessSite:
    return make_site("servers")


@pytest.fixture(scope="module", params=ALL, ids=[server for _, server in ALL])
def served(site: InProcessSite, request: pytest.FixtureRequest) -> dict[str, str]:
    interface, server = request.param
    return site.up(shop_config(site, interface=interface, server=server))


@pytest.fixture
def browser(site: InProcessSite) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, headers={"Host": f"localhost:{site.port}"}, timeout=15) as client:
        yield client


def test_health_tells_release_interface_and_instance(served: dict[str, str], browser: httpx.Client) -> None:
    told = browser.get("/health/").json()
    assert {key: told[key] for key in ("release", "interface", "instance")} == {
        key: served[key] for key in ("release", "interface", "instance")
    }


@pytest.mark.parametrize("path", ["/", "/sync/", "/async/", "/slow/?seconds=0.2", "/orders/", "/admin/login/"])
def test_sync_and_async_views_answer(served: dict[str, str], browser: httpx.Client, path: str) -> None:
    assert browser.get(path).status_code == 200


def test_a_form_with_csrf_is_taken(served: dict[str, str], browser: httpx.Client, site: InProcessSite) -> None:
    page = browser.get("/order/").text
    answer = browser.post("/order/", data=_filled(page), headers={"Origin": f"http://localhost:{site.port}"})
    assert answer.status_code == 302, answer.text[:500]
    assert browser.post("/order/", data={"csrfmiddlewaretoken": "forged"}).status_code == 403


def test_the_project_sees_the_same_client_scheme_and_host_under_every_server(
    served: dict[str, str], browser: httpx.Client, site: InProcessSite
) -> None:
    forged = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Real-IP": "6.6.6.6", "X-Request-ID": "forged"}
    answer = browser.post("/echo/", content=b"x", headers=forged)
    asked, proxy = answer.json()["asked"], site.engine.containers.get(f"{site.app}-nginx")
    assert asked["id"] == answer.headers["X-Request-ID"] != "forged"
    assert (asked["scheme"], asked["host"]) == ("http", f"localhost:{site.port}")

    def logged() -> list[dict[str, Any]]:
        lines = (json.loads(line) for line in proxy.logs(tail=50).decode().splitlines() if line.startswith("{"))
        return [line for line in lines if line["request_id"] == asked["id"]]

    eventually(lambda: len(logged()) == 1, 5)
    (line,) = logged()
    assert (line["remote_addr"], line["instance"]) == (asked["client"], served["instance"])
    assert "x-gateway-instance" not in answer.headers


def test_a_body_arrives_whole(served: dict[str, str], browser: httpx.Client) -> None:
    body = bytes(range(256)) * 8192
    told = browser.post("/echo/", content=body, headers={"Content-Type": "application/octet-stream"}).json()
    assert told["sha256"] == hashlib.sha256(body).hexdigest()


def test_an_upload_is_served_as_media_and_never_run(served: dict[str, str], browser: httpx.Client, site: InProcessSite) -> None:
    page = browser.get("/upload/").text
    token = _filled(page)["csrfmiddlewaretoken"]
    browser.post(
        "/upload/",
        data={"csrfmiddlewaretoken": token},
        files={"file": ("note.txt", b"uploaded text")},
        headers={"Origin": f"http://localhost:{site.port}"},
    )
    link = re.findall(r"/media/[^\"']+", browser.get("/upload/").text)[-1]
    answer = browser.get(link)
    assert (answer.status_code, answer.content) == (200, b"uploaded text")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_hashed_static_files_are_immutable(served: dict[str, str], browser: httpx.Client) -> None:
    link = re.search(r"/static/[^\"']+\.[0-9a-f]{12}\.css", browser.get("/").text)
    assert link
    answer = browser.get(link.group())
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("accept", ["text/event-stream", "*/*"])
def test_events_stream_one_by_one_however_they_are_asked_for(served: dict[str, str], site: InProcessSite, accept: str) -> None:
    headers = {"Host": "localhost", "Accept": accept}
    with httpx.stream("GET", f"{site.url}/events/", headers=headers, timeout=10) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        events = (line for line in stream.iter_lines() if line.startswith("data:"))
        first, second = json.loads(next(events)[5:]), json.loads(next(events)[5:])
    assert second["counter"] == first["counter"] + 1
    assert first["instance"] == served["instance"]


def test_websockets_echo_and_chat_under_asgi_and_are_refused_under_wsgi(served: dict[str, str], site: InProcessSite) -> None:
    if served["interface"] == "wsgi":
        with pytest.raises(InvalidStatus) as refused, _socket(site, "/ws/echo/"):
            pass
        assert refused.value.response.status_code == 426
        assert b"ASGI" in (refused.value.response.body or b"")
        return
    with _socket(site, "/ws/echo/") as echo:
        echo.send("hello")
        assert echo.recv(timeout=5) == "hello"
    with _socket(site, "/ws/chat/lobby/") as one, _socket(site, "/ws/chat/lobby/") as other:
        one.send("to everybody")
        assert json.loads(other.recv(timeout=5))["text"] == "to everybody"


def _socket(site: InProcessSite, path: str) -> Any:
    origin: Any = f"http://localhost:{site.port}"
    return connect(f"ws://localhost:{site.port}{path}", origin=origin, open_timeout=5)


def _filled(page: str) -> dict[str, str]:
    """Every field of the page's form with something in it."""
    form: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and 'type="file"' not in tag:
            form[name.group(1)] = value.group(1) if value else ("a@example.org" if "email" in tag else "2")
    for name_, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        form[name_] = re.findall(r'value="([^"]+)"', options)[0]
    return form
