"""HTTP/1.1 on the wire: just enough to tell in which way a request failed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from bench.load.options import Origin


class Trouble(Exception):
    """A failure by kind.

    ``status_NNN`` not 2xx; ``refused``, ``connect_error``: no connection; ``no_answer``, ``reset``: a new connection was closed
    or reset before the answer; ``stale_keepalive``: the same on one that was used before; ``cut_answer``: closed or reset within
    the answer; ``bad_answer``: not HTTP; ``wrong_echo``: not the body that was sent; ``timeout``; ``unanswered``: still
    in flight when the load had stopped and its grace was over.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True)
class Head:
    """Status line and headers (lower case)."""

    status: int
    headers: Mapping[str, str]

    @property
    def chunked(self) -> bool:
        return "chunked" in self.headers.get("transfer-encoding", "").lower()

    @property
    def length(self) -> int | None:
        return int(self.headers["content-length"]) if "content-length" in self.headers else None

    @property
    def close(self) -> bool:
        """The server will close: it says so, or nothing else marks the end of the body."""
        bodiless = self.status in (101, 204, 304)
        return self.headers.get("connection", "").lower() == "close" or not (bodiless or self.chunked or self.length is not None)


class Connection:
    """One TCP connection. Everything it raises is a ``Trouble``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.used = False
        """An answer came over it before."""

    @classmethod
    async def open(cls, origin: Origin, timeout: float) -> "Connection":
        """A new connection."""
        try:
            name = origin.host.partition(":")[0] if origin.tls else None
            opening = asyncio.open_connection(origin.address, origin.port, ssl=origin.context, server_hostname=name)
            return cls(*await asyncio.wait_for(opening, timeout))
        except ConnectionRefusedError:
            raise Trouble("refused") from None
        except asyncio.TimeoutError:
            raise Trouble("timeout") from None
        except OSError:
            raise Trouble("connect_error") from None

    @property
    def closed(self) -> bool:
        """The other end has closed it (or it broke), as far as this end has heard."""
        return self.reader.at_eof() or self.writer.is_closing() or self.reader.exception() is not None

    def close(self) -> None:
        """At once, and without waiting."""
        self.writer.close()

    async def send(self, data: bytes) -> None:
        """Hand bytes to the kernel. One that breaks here is told by what comes back: an early answer or nothing."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError:
            if self.reader.at_eof() or self.reader.exception() is not None:
                raise Trouble("stale_keepalive" if self.used else "reset") from None

    async def head(self) -> Head:
        """Up to the empty line."""
        try:
            line = await self.reader.readline()
        except OSError:
            raise Trouble("stale_keepalive" if self.used else "reset") from None
        except ValueError:
            raise Trouble("bad_answer") from None
        if not line:
            raise Trouble("stale_keepalive" if self.used else "no_answer")
        try:
            return Head(_status(line), await self._headers())
        except (asyncio.IncompleteReadError, OSError):
            raise Trouble("cut_answer") from None
        except (ValueError, IndexError):
            raise Trouble("cut_answer" if self.reader.at_eof() else "bad_answer") from None

    async def _headers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        while line := (await self.reader.readuntil(b"\n")).strip():
            name, _, value = line.decode("latin-1").partition(":")
            found[name.strip().lower()] = value.strip()
        return found

    async def body(self, head: Head) -> bytes:
        """The whole body. Afterwards the connection counts as used."""
        try:
            if head.status in (101, 204, 304):
                data = b""
            elif head.chunked:
                data = b"".join([chunk async for chunk in self.chunks()])
            elif head.length is not None:
                data = await self.reader.readexactly(head.length)
            else:
                data = await self.reader.read()
        except (asyncio.IncompleteReadError, OSError):
            raise Trouble("cut_answer") from None
        except ValueError:
            raise Trouble("bad_answer") from None
        self.used = True
        return data

    async def chunks(self) -> AsyncIterator[bytes]:
        """Chunks as they come; ends with the last one, and is cut by anything else."""
        while True:
            try:
                size = int((await self.reader.readuntil(b"\n")).split(b";")[0], 16)
                data = await self.reader.readexactly(size + 2)
            except (asyncio.IncompleteReadError, OSError):
                raise Trouble("cut_answer") from None
            except (ValueError, asyncio.LimitOverrunError):
                raise Trouble("bad_answer") from None
            if not size:
                return
            yield data[:-2]


def _status(line: bytes) -> int:
    protocol, status = line.split(None, 2)[:2]
    if not protocol.startswith(b"HTTP/"):
        raise ValueError(line)
    return int(status)


def request(method: str, path: str, host: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> bytes:
    """A request's bytes."""
    lines = {"Host": host, "User-Agent": "gateway-load", "Accept": "*/*", **(headers or {})}
    if body is not None:
        lines |= {"Content-Type": "application/octet-stream", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + (body or b"")
