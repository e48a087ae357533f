"""What people see when the project does not answer, and while the site is closed. A real Nginx, no container."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from rendering.pages import PAGES, maintenance, pages
from tests.live.local_nginx import LocalNginx, local_nginx
from tests.live.test_front import spec

FORMS = pytest.mark.parametrize("host", [False, True], ids=["container", "host"])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., LocalNginx]]:
    with ExitStack() as stack:

        def run(
            host: bool = False,
            *,
            closed: bool = False,
            allow: tuple[str, ...] = (),
            own: Mapping[str, str] | None = None,
            seconds: int = 60,
        ) -> LocalNginx:
            given = replace(
                spec(tmp_path, request_seconds=seconds),
                pages=pages(own or {}),
                pages_root=str(tmp_path / "pages"),
                maintenance_file=str(tmp_path / "maintenance.geo"),
                maintenance=maintenance(closed, allow),
            )
            return stack.enter_context(local_nginx(tmp_path, given, host=host))

        yield run


@FORMS
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_project_that_does_not_run_is_a_page_of_the_site(start: Callable[..., LocalNginx], host: bool, method: str) -> None:
    nginx = start(host)
    nginx.close()
    answer = nginx.ask("/basket/", method=method, Content_Length="0")
    assert (answer.status, answer.header("Content-Type").partition(";")[0]) == (502, "text/html")
    assert PAGES["502.html"][1].encode() in answer.body
    assert answer.header("Cache-Control") == "no-store"
    assert '"uri":"/basket/"' in nginx.logged()[0]
    assert '"status":502' in nginx.logged()[0]


def test_a_project_that_is_too_slow_is_a_page_too(start: Callable[..., LocalNginx]) -> None:
    nginx = start(seconds=1)
    nginx.app.silent_seconds = 3
    answer = nginx.ask()
    assert (answer.status, PAGES["504.html"][1].encode() in answer.body) == (504, True)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_what_the_project_itself_answers_is_passed_on(start: Callable[..., LocalNginx], status: int) -> None:
    nginx = start()
    nginx.app.status = status
    answer = nginx.ask()
    assert (answer.status, answer.body[:9]) == (status, b'{"method"')


def test_a_page_of_the_projects_own_is_shown_in_place_of_ours(start: Callable[..., LocalNginx]) -> None:
    nginx = start(closed=True, own={"503.html": "<h1>Inventur</h1>"})
    assert nginx.ask().body == b"<h1>Inventur</h1>"


def test_a_page_needs_nothing_from_anywhere_else() -> None:
    for text in pages({}).values():
        assert not [word for word in ("http:", "https:", "src=", "href=", "url(", "@import") if word in text]
        assert len(text) < 2000


def test_the_pages_are_nobodys_to_ask_for(start: Callable[..., LocalNginx]) -> None:
    assert start().ask("/.gateway/503.html").status == 404


@FORMS
@pytest.mark.parametrize("accept", ["text/html", "text/event-stream"])
def test_a_closed_site_is_503_with_the_time_to_come_back_in(start: Callable[..., LocalNginx], host: bool, accept: str) -> None:
    nginx = start(host, closed=True)
    answer = nginx.ask("/basket/", Accept=accept)
    assert (answer.status, answer.header("Retry-After")) == (503, "120")
    assert PAGES["503.html"][1].encode() in answer.body
    assert nginx.app.asked == []


@FORMS
@pytest.mark.parametrize("path", ["/basket/", "/health", "/health/x", "/.gateway/", "/.well-known/", "/x?/health/"])
def test_a_closed_site_has_no_other_door(start: Callable[..., LocalNginx], host: bool, path: str) -> None:
    nginx = start(host, closed=True, allow=("192.0.2.7/32",))
    assert nginx.ask(path, X_Forwarded_For="192.0.2.7").status in (404, 503)
    assert nginx.app.asked == []


@FORMS
def test_the_probe_of_a_switch_gets_into_a_closed_site(start: Callable[..., LocalNginx], host: bool) -> None:
    answer = start(host, closed=True).ask("/health/", X_Gateway_Probe="1")
    assert (answer.status, answer.header("X-Gateway-Instance")) == (200, "0123456789")


@FORMS
def test_those_who_are_let_in_get_into_a_closed_site(start: Callable[..., LocalNginx], host: bool) -> None:
    nginx = start(host, closed=True, allow=("127.0.0.2/32", "::1/128"))
    request = b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"
    assert (nginx.raw(request, "127.0.0.2").status, nginx.raw(request, "127.0.0.1").status) == (200, 503)


@FORMS
def test_an_open_site_is_open(start: Callable[..., LocalNginx], host: bool) -> None:
    answer = start(host, allow=("192.0.2.0/24",)).ask()
    assert (answer.status, answer.header("Retry-After")) == (200, "")
