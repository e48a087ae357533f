"""Whose answers hold a worker until they are read: those of event streams, and never because of how a page is asked for.

A real Nginx, no container; behind it a WSGI server with as many workers as a story needs, and gateway's own entry.
"""

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest

from targets.common.gateway_entry import Wsgi
from tests.live.local_nginx import LocalNginx, local_nginx
from tests.live.test_front import spec

FORMS = pytest.mark.parametrize("host", [False, True], ids=["container", "host"])
PAGE = b"0123456789abcdef" * 2 * 1024 * 1024
"""More than sockets keep, far more."""
AS_EVENTS = "Accept: text/event-stream\r\n"


class Project:
    """A large page, and a stream whose second event comes when the test says so."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if environ["PATH_INFO"] == "/large/":
            self.begun.set()
            start("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))])
            return [PAGE]
        if environ["PATH_INFO"] == "/events/":
            start("200 OK", [("Content-Type", "text/event-stream")])
            return self._events()
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
        return [b"small"]

    def _events(self) -> Iterator[bytes]:
        yield b"data: one\n\n"
        self.go_on.wait(30)
        yield b"data: two\n\n"


class _Handler(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class _OneWorker(WSGIServer):
    """Takes the next request when it is through with this one."""

    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "shop.example", 80
        self.setup_environ()

    def get_request(self) -> tuple[Any, Any]:
        return self.socket.accept()[0], ("", 0)


class _ManyWorkers(socketserver.ThreadingMixIn, _OneWorker):
    daemon_threads, block_on_close = True, False


@pytest.fixture
def project() -> Project:
    return Project()


@pytest.fixture
def serve(tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., LocalNginx]]:
    live = tmp_path / "live.sock"
    monkeypatch.setenv("GATEWAY_SOCKET", str(live))
    monkeypatch.setenv("GATEWAY_INSTANCE", "0123456789")
    with ExitStack() as stack:

        def run(server: type[WSGIServer], host: bool, **front: Any) -> LocalNginx:
            nginx = stack.enter_context(local_nginx(tmp_path, spec(tmp_path, **front), host=host))
            nginx.close()
            live.unlink()
            behind = stack.enter_context(server(str(live), _Handler))  # type: ignore[arg-type]
            live.chmod(0o666)
            behind.set_app(Wsgi(project))
            threading.Thread(target=behind.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(behind.shutdown)
            stack.callback(project.go_on.set)
            return nginx

        yield run


def open_(nginx: LocalNginx, path: str, more: str = "") -> socket.socket:
    """Asks, and reads nothing yet; what it has not read it has little room for."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(15)
    connection.connect(("127.0.0.1", nginx.port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n{more}\r\n".encode())
    return connection


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """What comes until that has come."""
    received = b""
    while end not in received:
        part = connection.recv(65536)
        assert part, f"ended after {received[-200:]!r}"
        received += part
    return received


@FORMS
@pytest.mark.parametrize("more", ["", AS_EVENTS, "Upgrade: websocket\r\n"], ids=["plain", "as-events", "as-websocket"])
def test_a_page_that_nobody_reads_holds_no_worker_however_it_is_asked_for(
    serve: Callable[..., LocalNginx], project: Project, host: bool, more: str
) -> None:
    nginx = serve(_OneWorker, host)
    with open_(nginx, "/large/", more) as slow:
        assert project.begun.wait(10)
        assert nginx.ask("/small/").body == b"small"
        whole = b"".join(iter(lambda: slow.recv(1 << 20), b""))
    assert whole.partition(b"\r\n\r\n")[2] == PAGE


@FORMS
@pytest.mark.parametrize("more", ["", AS_EVENTS], ids=["plain", "as-events"])
def test_events_come_one_by_one_however_they_are_asked_for(
    serve: Callable[..., LocalNginx], project: Project, host: bool, more: str
) -> None:
    with open_(serve(_OneWorker, host), "/events/", more) as stream:
        headers, _, first = read_until(stream, b"one\n\n").partition(b"\r\n\r\n")
        assert b"x-accel" not in headers.lower()
        assert b"two" not in first
        project.go_on.set()
        read_until(stream, b"two\n\n")


@FORMS
def test_a_stream_that_is_asked_for_as_one_may_be_silent_for_longer_than_a_page(
    serve: Callable[..., LocalNginx], project: Project, host: bool
) -> None:
    nginx = serve(_ManyWorkers, host, request_seconds=1)
    with open_(nginx, "/events/", AS_EVENTS) as stream, open_(nginx, "/events/") as page:
        read_until(stream, b"one\n\n")
        read_until(page, b"one\n\n")
        assert page.recv(100) in (b"", b"0\r\n\r\n"), "Nginx has waited for it as long as for a page"
        project.go_on.set()
        read_until(stream, b"two\n\n")
