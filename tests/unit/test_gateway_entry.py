"""gateway_entry.py: streams end as their protocol has it when the instance is stopped, and nothing else is touched."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from targets.common import gateway_entry
from targets.common.gateway_entry import Asgi, Message, Wsgi

EVENTS = {"type": "http", "headers": [(b"accept", b"text/event-stream")]}
STREAM = (b"Content-Type", b"text/event-stream; charset=utf-8")


@pytest.fixture(autouse=True)
def socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The instance's socket, there as long as the instance serves."""
    path = tmp_path / "live.sock"
    path.touch()
    monkeypatch.setenv("GATEWAY_SOCKET", str(path))
    monkeypatch.setenv("GATEWAY_INSTANCE", "0123456789")
    for name, value in (("INTERFACE", "asgi"), ("SERVER", "uvicorn"), ("RELEASE", "9876543210")):
        monkeypatch.setenv(f"GATEWAY_{name}", value)
    monkeypatch.setattr(gateway_entry, "POLL_SECONDS", 0.01)
    return path


async def endless(scope: Message, receive: Any, send: Any) -> None:
    """Streams until it is stopped, and stays silent once it has said what it is."""
    start = {"type": "http.response.start", "status": 200, "headers": [STREAM]}
    await send({"type": "websocket.accept"} if scope["type"] == "websocket" else start)
    await asyncio.sleep(60)


def serve(application: Any, scope: Message, stop: Path | None = None) -> list[Message]:
    """What the application sends; the socket is taken away once it has begun."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if stop:
            stop.unlink(missing_ok=True)

    async def receive() -> Message:
        await asyncio.sleep(60)
        return {}

    asyncio.run(asyncio.wait_for(Asgi(application)(scope, receive, send), 5))
    return sent


def test_an_event_stream_ends_as_a_whole_answer(socket: Path) -> None:
    assert serve(endless, EVENTS, socket)[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


def test_a_websocket_is_closed_with_service_restart(socket: Path) -> None:
    assert serve(endless, {"type": "websocket", "headers": []}, socket)[-1] == {"type": "websocket.close", "code": 1012}


def test_a_stream_that_ends_by_itself_is_ended_once(socket: Path) -> None:
    async def short(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"all", "more_body": False})
        await asyncio.sleep(0.1)

    assert len(serve(short, EVENTS, socket)) == 2


def test_a_page_that_is_asked_for_as_if_it_were_a_stream_is_let_finish(socket: Path) -> None:
    async def page(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await asyncio.sleep(0.1)
        await send({"type": "http.response.body", "body": b"all of it", "more_body": False})

    assert serve(page, EVENTS, socket)[-1]["body"] == b"all of it"


BUFFERING = pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Content-Type": "text/event-stream"}, ["no"]),
        ({"content-type": "Text/Event-Stream; charset=utf-8"}, ["no"]),
        ({"Content-Type": "text/event-stream", "x-accel-buffering": "yes"}, ["yes"]),
        ({"Content-Type": "text/html"}, []),
        ({"Content-Type": "text/event-streams"}, []),
        ({}, []),
    ],
)


@BUFFERING
@pytest.mark.parametrize("asked", [[], EVENTS["headers"]], ids=["plain", "as-events"])
def test_nginx_is_told_to_keep_nothing_back_of_event_streams_alone_whoever_asks(
    asked: Any, headers: dict[str, str], told: list[str]
) -> None:
    async def answer(scope: Message, receive: Any, send: Any) -> None:
        pairs = ((name.encode(), value.encode()) for name, value in headers.items())  # can be gone through once, as is allowed
        await send({"type": "http.response.start", "status": 200, "headers": pairs})

    (start,) = serve(answer, {"type": "http", "headers": asked})
    assert [value.decode() for name, value in start["headers"] if name.lower() == b"x-accel-buffering"] == told


@BUFFERING
@pytest.mark.parametrize("asked", [{}, {"HTTP_ACCEPT": "text/event-stream"}], ids=["plain", "as-events"])
def test_nginx_is_told_the_same_by_wsgi(asked: dict[str, str], headers: dict[str, str], told: list[str]) -> None:
    sent: list[tuple[str, str]] = []
    list(wsgi(list(headers.items()), [b"x"])(asked, lambda status, pairs: sent.extend(pairs)))
    assert [value for name, value in sent if name.lower() == "x-accel-buffering"] == told


def test_a_failing_stream_fails_as_it_would_without_us() -> None:
    async def broken(scope: Message, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        serve(broken, EVENTS)


def test_a_client_that_goes_ends_the_application(socket: Path) -> None:
    ended = []

    async def watching(scope: Message, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def cancelled() -> None:
        task = asyncio.ensure_future(Asgi(watching)(EVENTS, _nothing, _nothing))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert ended == [True]


async def _nothing(*_: Any) -> Any:
    return {}


async def plain(scope: Message, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})


def test_an_answer_names_its_instance_for_the_log_and_nothing_more() -> None:
    (start,) = serve(plain, {"type": "http", "headers": []})
    assert start["headers"] == [(b"x", b"y"), (b"x-gateway-instance", b"0123456789")]


def scope_of(kind: str, *headers: tuple[bytes, bytes]) -> Message:
    """What the project gets of a scope that the server made of a unix socket."""
    seen: list[Message] = []

    async def project(scope: Message, receive: Any, send: Any) -> None:
        seen.append(scope)

    serve(project, {"type": kind, "scheme": "http", "client": None, "headers": list(headers)})
    return seen[0]


FORWARDED = ((b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", b"https"))


def test_client_and_scheme_are_what_nginx_saw() -> None:
    told = scope_of("http", *FORWARDED)
    assert (told["client"], told["scheme"]) == (("203.0.113.7", 0), "https")
    assert scope_of("websocket", *FORWARDED)["scheme"] == "wss"


def test_a_request_past_nginx_keeps_what_the_server_says() -> None:
    told = scope_of("http", (b"x-forwarded-proto", b"gopher"))
    assert (told["client"], told["scheme"]) == (None, "http")


@pytest.mark.parametrize(
    ("headers", "seen"),
    [
        ({"HTTP_X_FORWARDED_FOR": "203.0.113.7", "HTTP_X_FORWARDED_PROTO": "https"}, ("203.0.113.7", "https")),
        ({"HTTP_X_FORWARDED_PROTO": "gopher"}, ("", "http")),
        ({}, ("", "http")),
    ],
)
def test_wsgi_sees_the_same(headers: dict[str, str], seen: tuple[str, str]) -> None:
    environ = {"REMOTE_ADDR": "", "wsgi.url_scheme": "http", **headers}
    Wsgi(lambda environ, start: [])(environ, lambda *_: None)
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == seen


def test_a_probe_is_told_which_instance_answers() -> None:
    (start,) = serve(plain, {"type": "http", "headers": [(b"x-gateway-probe", b"1")]})
    told = (b"x-gateway-serving", b"asgi uvicorn 9876543210")
    assert start["headers"] == [(b"x", b"y"), (b"x-gateway-instance", b"0123456789"), told]


def test_wsgi_event_streams_end_and_are_closed(socket: Path) -> None:
    closed: list[bool] = []

    class Body:
        def __iter__(self) -> Any:
            yield b"one"
            socket.unlink()
            yield b"two"
            yield b"never sent"

        def close(self) -> None:
            closed.append(True)

    body = wsgi([("Content-Type", "text/event-stream")], Body())({}, lambda *_: None)
    assert list(body) == [b"one", b"two"]
    body.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_an_event_stream_that_says_so_with_its_first_chunk_ends_too(socket: Path) -> None:
    def late(environ: dict[str, Any], start: Any) -> Any:
        start("200 OK", [("Content-Type", environ["type"])])
        yield b"one"
        socket.unlink(missing_ok=True)
        yield b"two"
        yield b"three"

    assert list(Wsgi(late)({"type": "text/event-stream"}, lambda *_: None)) == [b"one", b"two"]
    assert list(Wsgi(late)({"type": "text/html"}, lambda *_: None)) == [b"one", b"two", b"three"]


def test_other_wsgi_bodies_are_the_projects_own_object_however_they_are_asked_for() -> None:
    body = [b"page"]
    asked = {"HTTP_ACCEPT": "text/event-stream"}
    assert wsgi([("Content-Type", "text/html")], body)(asked, lambda *_: None) is body


def wsgi(headers: list[tuple[str, str]], body: Any) -> Wsgi:
    """A project that answers so."""

    def application(environ: dict[str, Any], start: Any) -> Any:
        start("200 OK", headers)
        return body

    return Wsgi(application)


def test_a_wsgi_probe_is_told_which_instance_answers() -> None:
    told: list[tuple[str, str]] = []

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [("X", "y")])
        return []

    Wsgi(application)({"HTTP_X_GATEWAY_PROBE": "1"}, lambda status, headers: told.extend(headers))
    assert told == [("X", "y"), ("X-Gateway-Instance", "0123456789"), ("X-Gateway-Serving", "asgi uvicorn 9876543210")]


def test_a_wsgi_answer_names_its_instance_for_the_log() -> None:
    told: list[tuple[str, str]] = []

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [("X", "y")])
        return []

    Wsgi(application)({}, lambda status, headers: told.extend(headers))
    assert told == [("X", "y"), ("X-Gateway-Instance", "0123456789")]
