"""How much one client may ask for, and how slow it may be. A real Nginx, no container."""

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.live.local_nginx import LocalNginx, local_nginx
from tests.live.test_front import spec

FORMS = pytest.mark.parametrize("host", [False, True], ids=["container", "host"])


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., LocalNginx]]:
    with ExitStack() as stack:

        def run(host: bool = False, **front: Any) -> LocalNginx:
            return stack.enter_context(local_nginx(tmp_path, spec(tmp_path, **front), host=host))

        yield run


def statuses(nginx: LocalNginx, times: int, path: str = "/", **more: str) -> Counter[int]:
    return Counter(nginx.ask(path, **more).status for _ in range(times))


@FORMS
def test_an_address_that_asks_too_often_is_told_so_and_others_are_served(start: Callable[..., LocalNginx], host: bool) -> None:
    nginx = start(host, requests_per_second=1, burst=4)
    assert statuses(nginx, 15)[429] >= 9
    other = b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"
    assert nginx.raw(other, "127.0.0.9").status == 200


def test_event_streams_are_counted_too(start: Callable[..., LocalNginx]) -> None:
    assert statuses(start(requests_per_second=1, burst=4), 15, Accept="text/event-stream")[429] >= 9


@pytest.mark.parametrize("path", ["/health/", "/static/site.css", "/media/cat.txt"])
def test_the_probe_of_a_switch_and_files_are_not_counted(start: Callable[..., LocalNginx], path: str) -> None:
    assert statuses(start(requests_per_second=1, burst=1), 15, path) == {200: 15}


def test_a_health_path_of_any_text_is_a_path_to_nginx_too(start: Callable[..., LocalNginx]) -> None:
    path = '/he"al\\th{$uri};'
    assert statuses(start(requests_per_second=1, burst=1, health_path=path), 8, path) == {200: 8}


@FORMS
@pytest.mark.parametrize("path", ["/login/", "/login/?next=/", "//login/", "/%6cogin/", "/x/../login/", "/admin/login/"])
def test_attempts_to_log_in_are_few_and_looking_at_the_form_is_free(
    start: Callable[..., LocalNginx], host: bool, path: str
) -> None:
    nginx = start(host, login_paths=("/login/", "/admin/login/"), logins_per_minute=6)
    assert statuses(nginx, 10, path) == {200: 10}
    assert statuses(nginx, 10, path, method="POST", Content_Length="0") == {200: 4, 429: 6}
    assert statuses(nginx, 10, "/order/", method="POST", Content_Length="0") == {200: 10}


def test_attempts_by_another_door_are_attempts(start: Callable[..., LocalNginx]) -> None:
    nginx = start(login_paths=("/login/",), logins_per_minute=2)
    stream = {"Accept": "text/event-stream", "Content_Length": "0"}
    assert statuses(nginx, 10, "/login/", method="POST", **stream)[429] == 8


def test_without_limits_nobody_is_counted(start: Callable[..., LocalNginx]) -> None:
    assert statuses(start(), 60) == {200: 60}


@FORMS
@pytest.mark.parametrize(
    "begun",
    [b"GET / HTTP/1.1\r\nHost: shop.ex", b"", b"POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 9\r\n\r\nb"],
    ids=["headers", "nothing", "body"],
)
def test_who_begins_a_request_and_does_not_go_on_is_shown_the_door(
    start: Callable[..., LocalNginx], host: bool, begun: bytes
) -> None:
    nginx = start(host, header_seconds=1, body_seconds=1)
    with socket.create_connection(("127.0.0.1", nginx.port), timeout=8) as connection:
        connection.sendall(begun)
        since = time.monotonic()
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1000).partition(b" ")[2][:3] in (b"", b"408")
        assert time.monotonic() - since < 5
    assert not [asked for asked in nginx.app.asked if asked["method"] == "POST"]


def test_one_address_has_so_many_requests_in_progress_and_no_more(start: Callable[..., LocalNginx]) -> None:
    nginx = start(connections=3)
    head = b"POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(3):
            waiting = stack.enter_context(socket.create_connection(("127.0.0.1", nginx.port), timeout=5))
            waiting.sendall(head)
            # Nginx asks for the body once it has counted the request, so no later one can take its place.
            assert waiting.recv(1000).startswith(b"HTTP/1.1 100 ")
        assert nginx.ask().status == 429
        assert nginx.raw(b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n", "127.0.0.9").status == 200


def test_an_answer_that_does_not_come_is_waited_for_so_long_and_no_longer(start: Callable[..., LocalNginx]) -> None:
    nginx = start(request_seconds=1)
    nginx.app.silent_seconds = 4
    since = time.monotonic()
    assert nginx.ask().status == 504
    assert time.monotonic() - since < 3
