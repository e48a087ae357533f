"""Long-lived clients: WebSockets that want each text echoed, and readers of server-sent events."""

import asyncio
import base64
import os
import struct
from collections.abc import Callable, Coroutine
from typing import Any

from bench.load import wire
from bench.load.recorder import Context, Recorder, StreamLog
from bench.load.wire import Connection, Head, Trouble

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class Ended(Exception):
    """The stream ended: ``clean`` as the protocol wants it."""

    def __init__(self, how: str, *, clean: bool) -> None:
        super().__init__(how)
        self.how, self.clean = how, clean


class Downtime:
    """From the end of one stream (or the first try) to the first message of the next."""

    def __init__(self, recorder: Recorder, log: StreamLog) -> None:
        self.recorder, self.log = recorder, log
        self.since: float | None = None

    def begin(self) -> None:
        if self.since is None:
            self.since = self.recorder.now()

    def end(self) -> None:
        if self.since is not None:
            self.log.reconnected.append(self.recorder.now() - self.since)
        self.since = None

    def give_up(self) -> None:
        if self.since is not None:
            self.log.still_down.append(self.recorder.now() - self.since)


async def websocket(context: Context) -> None:
    """Opens, sends a text in each interval, waits for the same text back; opens again whenever it has ended."""
    log = context.recorder.websockets
    await _again(context, log, _open_websocket, lambda connection, down: _talk(context, log, connection, down))


async def sse(context: Context) -> None:
    """Counts events; opens again whenever the stream has ended."""
    log = context.recorder.sse
    await _again(context, log, _open_events, lambda connection, down: _listen(context, log, connection, down))


async def _again(
    context: Context,
    log: StreamLog,
    opening: Callable[[Context], Coroutine[Any, Any, Connection]],
    use: Callable[[Connection, Downtime], Coroutine[Any, Any, None]],
) -> None:
    down = Downtime(context.recorder, log)
    try:
        while not context.stop.is_set():
            try:
                connection = await opening(context)
            except Trouble as trouble:
                log.open_failed[trouble.kind] += 1
                down.begin()
                await context.rest(context.options.retry)
                continue
            log.opened += 1
            log.open_now += 1
            try:
                await use(connection, down)
            except (Ended, Trouble, asyncio.IncompleteReadError, OSError) as error:
                end = _ended(error)
                log.how[end.how] += 1
                (log.closed if end.clean else log.cut).append(round(context.recorder.now(), 3))
                log.open_now -= 1
                down.begin()
            finally:
                connection.close()
            await context.rest(context.options.retry)
    finally:
        down.give_up()


def _ended(error: Exception) -> Ended:
    match error:
        case Ended():
            return error
        case Trouble():
            return Ended("eof" if error.kind == "cut_answer" else error.kind, clean=False)
        case OSError():
            return Ended("reset", clean=False)
    return Ended("eof", clean=False)


async def _handshake(context: Context, path: str, headers: dict[str, str], want: int) -> tuple[Connection, Head]:
    connection = await Connection.open(context.origin, context.options.timeout)
    try:
        await connection.send(wire.request("GET", path, context.origin.host, headers=headers))
        head = await asyncio.wait_for(connection.head(), context.options.timeout)
        if head.status != want:
            raise Trouble(f"status_{head.status}")
    except asyncio.TimeoutError:
        connection.close()
        raise Trouble("timeout") from None
    except BaseException:
        connection.close()
        raise
    return connection, head


async def _open_websocket(context: Context) -> Connection:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Origin": f"{'https' if context.origin.tls else 'http'}://{context.origin.host}",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
    }
    return (await _handshake(context, context.options.ws_path, headers, 101))[0]


async def _talk(context: Context, log: StreamLog, connection: Connection, down: Downtime) -> None:
    options, recorder = context.options, context.recorder
    inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
    pump = asyncio.create_task(_pump(connection, inbox))
    try:
        while True:
            text = os.urandom(8).hex().encode()
            due = recorder.now() + options.ws_interval
            await _send(connection, TEXT, text)
            log.sent += 1
            if not await _heard(inbox, pump, text, options.timeout):
                raise Ended("silent", clean=False)
            log.received += 1
            down.end()
            # Between two texts an end is heard at once.
            await _heard(inbox, pump, b"", due - recorder.now())
    finally:
        pump.cancel()


async def _heard(inbox: "asyncio.Queue[bytes | None]", pump: "asyncio.Task[None]", text: bytes, seconds: float) -> bool:
    """Whether ``text`` came within the time. Raises what ended the stream."""
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            found = await asyncio.wait_for(inbox.get(), left)
        except asyncio.TimeoutError:
            return False
        if found is None:
            await pump
        if found == text:
            return True
    return False


async def _pump(connection: Connection, inbox: "asyncio.Queue[bytes | None]") -> None:
    """Texts into the inbox up to the end of the stream, which is None and an exception."""
    try:
        while True:
            opcode, data = await _frame(connection.reader)
            if opcode == CLOSE:
                await _send(connection, CLOSE, data[:2])
                code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 1005
                raise Ended(f"close_{code}", clean=True)
            if opcode == PING:
                await _send(connection, PONG, data)
            elif opcode == TEXT:
                inbox.put_nowait(data)
    finally:
        inbox.put_nowait(None)


async def _send(connection: Connection, opcode: int, data: bytes) -> None:
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
    await connection.send(bytes([0x80 | opcode, 0x80 | len(data)]) + mask + masked)


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        size = struct.unpack(">H", await reader.readexactly(2))[0]
    elif size == 127:
        size = struct.unpack(">Q", await reader.readexactly(8))[0]
    return first & 0x0F, await reader.readexactly(size)


async def _open_events(context: Context) -> Connection:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}
    connection, head = await _handshake(context, context.options.sse_path, headers, 200)
    if not head.chunked:
        connection.close()
        raise Trouble("not_chunked")
    return connection


async def _listen(context: Context, log: StreamLog, connection: Connection, down: Downtime) -> None:
    chunks, rest = connection.chunks(), b""
    while True:
        try:
            rest += await asyncio.wait_for(chunks.__anext__(), context.options.timeout)
        except asyncio.TimeoutError:
            raise Ended("silent", clean=False) from None
        except StopAsyncIteration:
            raise Ended("last_chunk", clean=True) from None
        *events, rest = rest.split(b"\n\n")
        count = sum(b"data:" in event for event in events)
        log.received += count
        if count:
            down.end()
