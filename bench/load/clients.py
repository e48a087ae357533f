"""HTTP clients: quick requests at a steady rate, slow ones always in flight, idle connections."""

import asyncio
import hashlib
import json
import random

from bench.load import wire
from bench.load.recorder import Context
from bench.load.wire import Connection, Head, Trouble

SIZES = (200, 2_000, 100_000)
"""Bytes of POST bodies in turn; the last does not fit Nginx's buffer and takes the way over a file."""


class Client:
    """Sends one request at a time and records how it ended."""

    def __init__(self, context: Context, name: str, *, keep: bool, slow: bool = False) -> None:
        self.context, self.name, self.keep, self.slow = context, name, keep, slow
        self.connection: Connection | None = None

    def drop(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = None

    async def request(self, method: str, path: str, body: bytes | None = None) -> bool:
        """Whether it went well."""
        recorder = self.context.recorder
        began, kind = recorder.now(), ""
        recorder.sent += 1
        try:
            # A slow one may take as long as the slow page does, which is within this too.
            head, data = await asyncio.wait_for(self._exchange(method, path, body), self.context.options.timeout)
            kind = _judge(head, data, body)
        except Trouble as trouble:
            kind = trouble.kind
        except asyncio.TimeoutError:
            kind = "timeout"
        except asyncio.CancelledError:
            # The load has ended, and its grace too. What takes longer than that by itself has not failed.
            if self.slow:
                recorder.unfinished += 1
            else:
                recorder.failure("unanswered", method, path)
            self.drop()
            raise
        if kind:
            recorder.failure(kind, method, path)
            self.drop()
            return False
        recorder.success(self.name, began, head.headers, self.context.options.headers, slow=self.slow)
        return True

    async def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[Head, bytes]:
        connection = await self._connection()
        headers = {} if self.keep else {"Connection": "close"}
        await connection.send(wire.request(method, path, self.context.origin.host, headers=headers, body=body))
        head = await connection.head()
        data = await connection.body(head)
        if head.close or not self.keep:
            self.drop()
        return head, data

    async def _connection(self) -> Connection:
        if self.connection and self.connection.closed:
            recorder = self.context.recorder
            recorder.closed_idle.append(round(recorder.now(), 3))
            self.drop()
        if self.connection is None:
            self.connection = await Connection.open(self.context.origin, self.context.options.timeout)
        return self.connection


def _judge(head: Head, data: bytes, body: bytes | None) -> str:
    """The kind of failure, '' for none."""
    if not 200 <= head.status < 300:
        return f"status_{head.status}"
    if body is None:
        return ""
    try:
        told = json.loads(data)["sha256"]
    except (ValueError, KeyError, TypeError):
        return "wrong_echo"
    return "" if told == hashlib.sha256(body).hexdigest() else "wrong_echo"


async def paced(context: Context, method: str, number: int, of: int, rate: float, *, keep: bool) -> None:
    """Client ``number`` of ``of`` that send ``rate`` requests per second together. Those that would be late are left out."""
    options, recorder = context.options, context.recorder
    client = Client(context, f"{method.lower()}_{'kept' if keep else 'fresh'}", keep=keep)
    chance = random.Random(f"{options.seed} {client.name} {number}")
    paths, weights = list(options.paths), list(options.paths.values())
    interval = of / rate
    # Spread evenly over one interval, the fresh ones between the others, so that a quiet server shows a small gap.
    due = interval * (number + (0.25 if keep else 0.75)) / of
    turn = number
    while True:
        await context.rest(due - recorder.now())
        if context.stop.is_set():
            break
        if method == "POST":
            await client.request("POST", options.post_path, chance.randbytes(SIZES[turn % len(SIZES)]))
        else:
            await client.request("GET", chance.choices(paths, weights)[0])
        turn += 1
        due += interval
        late = int((recorder.now() - due) / interval)
        if late > 0:
            recorder.missed += late
            due += late * interval
    client.drop()


async def slow(context: Context) -> None:
    """One slow request after the other."""
    client = Client(context, "slow", keep=True, slow=True)
    while not context.stop.is_set():
        if not await client.request("GET", context.options.slow_path):
            await context.rest(context.options.retry)
    client.drop()


async def idle(context: Context) -> None:
    """A connection that has served a request and then lies still. One that the server closes is counted and opened again."""
    options, recorder = context.options, context.recorder
    client = Client(context, "idle", keep=True)
    path = next(iter(options.paths))
    while not context.stop.is_set():
        if not await client.request("GET", path) or client.connection is None:
            await context.rest(options.retry)
            continue
        try:
            await asyncio.wait_for(client.connection.reader.read(1), options.idle_refresh)
        except asyncio.TimeoutError:
            continue
        except OSError:
            pass
        recorder.closed_idle.append(round(recorder.now(), 3))
        client.drop()
