"""The entry point that servers get: the project's application, and its open streams end well when the instance is stopped.

Servers differ in what they do to a WebSocket or an event stream at SIGTERM: most cut it. So before the signal the agent takes
the instance's socket file away, and whoever streams here sees that within half a second: a WebSocket is closed with code 1012
("service restart"), an event stream ends as a whole answer, and browsers come back at once, to the new instance.

Servers also differ in what they make of the forwarding headers, over a unix socket above all. Nginx overwrites these headers, so
the client's address and scheme are taken from them here, and are the same under every server. Every answer names the instance for
Nginx's log, which keeps that to itself; the probe of a switch is told more.

Nginx buffers answers, so that no worker waits for who reads slowly, but for those that ask it not to: event streams do so here.

Standard library only; copied into the containers.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

POLL_SECONDS = 0.5
NOTE_SECONDS = 2.0
"""How often a process tells its figures."""
SERVICE_RESTART = 1012
SCHEMES = {"http": "ws", "https": "wss"}
"""What X-Forwarded-Proto may say, and what that is for a WebSocket."""

EVENTS = "text/event-stream"
UNBUFFERED = ("X-Accel-Buffering", "no")
ASGI_UNBUFFERED = (b"x-accel-buffering", b"no")
"""Tells Nginx to pass an answer on as it comes."""

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]


def _stopping() -> bool:
    return not os.path.exists(os.environ["GATEWAY_SOCKET"])


def wants_events(accept: str) -> bool:
    """Whether the client asked for server-sent events."""
    return EVENTS in accept


def is_event_stream(content_type: str) -> bool:
    """Whether an answer is one."""
    return content_type.partition(";")[0].strip().lower() == EVENTS


class Wsgi:
    """A WSGI application whose event streams end when the instance is stopped."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application, self.who = application, _who()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if client := environ.get("HTTP_X_FORWARDED_FOR"):
            environ["REMOTE_ADDR"] = client
        if (scheme := environ.get("HTTP_X_FORWARDED_PROTO")) in SCHEMES:
            environ["wsgi.url_scheme"] = scheme
        who = self.who if "HTTP_X_GATEWAY_PROBE" in environ else self.who[:1]
        streams: list[bool] = []

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            said = {name.lower(): value for name, value in headers}
            streams.append(is_event_stream(said.get("content-type", "")))
            more = [UNBUFFERED] if streams[-1] and UNBUFFERED[0].lower() not in said else []
            return start_response(status, [*headers, *more, *who], *exc_info)

        body = self.application(environ, start)
        # An application may also say what it answers with its first chunk.
        return body if streams and not streams[-1] else _Ending(body, streams)


def _who() -> list[tuple[str, str]]:
    """Who answers: the instance; and, for a probe, its interface, server and release, and where stacks share a site its stack."""
    serving = " ".join(os.environ.get(f"GATEWAY_{name}", "-") for name in ("INTERFACE", "SERVER", "RELEASE"))
    stack = os.environ.get("GATEWAY_STACK")
    told = [("X-Gateway-Instance", os.environ["GATEWAY_INSTANCE"]), ("X-Gateway-Serving", serving)]
    return [*told, ("X-Gateway-Stack", stack)] if stack else told


class _Ending:
    """The chunks of a body; of an event stream until the instance is stopped."""

    def __init__(self, body: Iterable[bytes], streams: list[bool]) -> None:
        self.body, self.streams = body, streams

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.body:
            yield chunk
            if True in self.streams and _stopping():
                return

    def close(self) -> None:
        """Hand the server's close on."""
        getattr(self.body, "close", lambda: None)()


class Figures:
    """Open streams of this process, and how late its event loop is: noted in a small file, which ``make status`` reads.

    A timer of the loop and no task: nothing is left to cancel when the server ends. Where the file cannot be written it stops.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.open = {"websockets": 0, "streams": 0}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due = self._noted = self._lag = 0.0

    def begin(self) -> None:
        """Once per process, from within its loop."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._later()

    def _later(self) -> None:
        assert self._loop is not None
        self._due = self._loop.time() + POLL_SECONDS
        self._loop.call_later(POLL_SECONDS, self._tick)

    def _tick(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        self._lag = max(self._lag, now - self._due)
        if now - self._noted >= NOTE_SECONDS:
            try:
                self._note()
            except OSError:
                return
            self._noted, self._lag = now, 0.0
        self._later()

    def _note(self) -> None:
        os.makedirs(self.folder, exist_ok=True)
        path = f"{self.folder}/{os.getpid()}.json"
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump({**self.open, "lag_ms": round(self._lag * 1000, 1), "at": round(time.time(), 1)}, file)
        os.replace(f"{path}.new", path)


class Asgi:
    """An ASGI application whose WebSockets and event streams end when the instance is stopped."""

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self.application = application
        self.figures = Figures(os.environ.get("GATEWAY_FIGURES", "/tmp/gateway-entry"))
        self.who = [(name.lower().encode(), value.encode()) for name, value in _who()]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.figures.begin()
        if scope["type"] == "lifespan":
            return await self.application(scope, receive, send)
        headers = dict(scope["headers"])
        scope = {**scope, **_as_nginx_has_it(scope["type"], headers)}
        streams: list[bool] = []
        send = _telling(send, self.who if b"x-gateway-probe" in headers else self.who[:1], streams)
        if scope["type"] == "websocket":
            end = {"type": "websocket.close", "code": SERVICE_RESTART}
        elif wants_events(headers.get(b"accept", b"").decode("latin-1")):
            end = {"type": "http.response.body", "body": b"", "more_body": False}
        else:
            return await self.application(scope, receive, send)
        kind = "websockets" if scope["type"] == "websocket" else "streams"
        self.figures.open[kind] += 1
        try:
            await self._stream(scope, receive, send, end, streams)
        finally:
            self.figures.open[kind] -= 1
        return None

    async def _stream(self, scope: Message, receive: Receive, send: Send, end: Message, streams: list[bool]) -> None:
        """Run the application until it is done or the instance is stopped; then send ``end`` in its place."""
        ended = False

        async def watched(message: Message) -> None:
            nonlocal ended
            if ended:
                return
            ended = message["type"] == "websocket.close" or (
                message["type"] == "http.response.body" and not message.get("more_body")
            )
            await send(message)

        async def stopping() -> None:
            # A page that is asked for as if it were a stream is let finish.
            while not (True in streams and _stopping()):
                await asyncio.sleep(POLL_SECONDS)

        serving = asyncio.ensure_future(self.application(scope, receive, watched))
        watching = asyncio.ensure_future(stopping())
        try:
            await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                await watched(end)
        finally:
            watching.cancel()
            if not serving.done():
                serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving


def _as_nginx_has_it(kind: str, headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    """``client`` and ``scheme`` of a scope, where the forwarding headers say them."""
    known: dict[str, Any] = {}
    if client := headers.get(b"x-forwarded-for"):
        known["client"] = (client.decode("latin-1"), 0)
    scheme = headers.get(b"x-forwarded-proto", b"").decode("latin-1")
    if scheme in SCHEMES:
        known["scheme"] = SCHEMES[scheme] if kind == "websocket" else scheme
    return known


def _telling(send: Send, who: list[tuple[bytes, bytes]], streams: list[bool]) -> Send:
    """Adds to an answer's headers what Nginx wants to know; ``streams`` gets whether that which begins is a stream."""

    async def telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            said = {name.lower(): value for name, value in headers}
            streams.append(is_event_stream(said.get(b"content-type", b"").decode("latin-1")))
            unsaid = streams[-1] and ASGI_UNBUFFERED[0] not in said
            message = {**message, "headers": [*headers, *([ASGI_UNBUFFERED] if unsaid else []), *who]}
        elif message["type"] == "websocket.accept":
            streams.append(True)
        await send(message)

    return telling


def _load() -> Wsgi | Asgi:
    """The application that GATEWAY_ENTRY_POINT names, for the interface that GATEWAY_INTERFACE names."""
    module, _, attributes = os.environ["GATEWAY_ENTRY_POINT"].partition(":")
    application: Any = import_module(module)
    for attribute in attributes.split("."):
        application = getattr(application, attribute)
    return Wsgi(application) if os.environ["GATEWAY_INTERFACE"] == "wsgi" else Asgi(application)


if "GATEWAY_ENTRY_POINT" in os.environ:
    application = _load()
