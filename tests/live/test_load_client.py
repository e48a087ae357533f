"""The load client against a small server that fails in each way there is."""

import hashlib
import json
import os
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from websockets.sync.server import ServerConnection, serve

from bench.load import Load, Report
from bench.load.__main__ import main

RESET = struct.pack("ii", 1, 0)
EVENT = b"data: 1\n\n"
BROKEN = {
    "/close": b"",
    "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
    "/cut-head": b"HTTP/1.1 200 OK\r\nContent-",
    "/cut-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "/garbage": b"what?\r\n\r\n",
}
"""Path -> what is written before the server closes."""


class Handler(socketserver.StreamRequestHandler):
    """Keeps connections; what is wrong with an answer is said by its path."""

    server: "Server"

    def handle(self) -> None:
        try:
            while self._one():
                pass
        except OSError:
            return

    def _one(self) -> bool:
        method, path, body = self._request()
        if not method:
            return False
        self.server.served += 1
        path = path.split("?")[0]
        if path in BROKEN:
            self.wfile.write(BROKEN[path])
            return False
        action = getattr(self, "do_" + path.strip("/"))
        return bool(action(body))

    def do_ok(self, body: bytes) -> bool:
        return self._answer(b"ok")

    def do_echo(self, body: bytes) -> bool:
        wrong = b"!" if self.server.wrong_echo else b""
        return self._answer(json.dumps({"sha256": hashlib.sha256(body + wrong).hexdigest()}).encode())

    def do_502(self, body: bytes) -> bool:
        return self._answer(b"bad gateway", status=502)

    def do_reset(self, body: bytes) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        os.close(self.connection.detach())

    def do_silent(self, body: bytes) -> None:
        time.sleep(2)

    def do_once(self, body: bytes) -> bool:
        """The second request on a connection is read and never answered."""
        return self.server.first(self.client_address) and self._answer(b"ok")

    def do_pause(self, body: bytes) -> bool:
        time.sleep(0.6 if self.server.pause.is_set() else 0)
        return self._answer(b"ok")

    def do_slow(self, body: bytes) -> bool:
        time.sleep(1)
        return self._answer(b"slow")

    def do_idle(self, body: bytes) -> None:
        """Closes what lies still."""
        self._answer(b"ok")
        time.sleep(0.3)

    def do_events(self, body: bytes) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(2):
            self.wfile.write(f"{len(EVENT):x}\r\n".encode() + EVENT + b"\r\n")
        if self.server.ends_streams:
            self.wfile.write(b"0\r\n\r\n")

    def _request(self) -> tuple[str, str, bytes]:
        line = self.rfile.readline().decode()
        length = 0
        while header := self.rfile.readline().strip():
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        method, _, rest = line.partition(" ")
        return method, rest.partition(" ")[0], self.rfile.read(length)

    def _answer(self, body: bytes, status: int = 200) -> bool:
        head = f"HTTP/1.1 {status} Told\r\nX-Instance: one\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.served = 0
        self.wrong_echo = self.ends_streams = False
        self.pause = threading.Event()
        self._known: set[object] = set()

    def first(self, client: object) -> bool:
        new = client not in self._known
        self._known.add(client)
        return new

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running(port: int = 0) -> Iterator[Server]:
    with Server(port) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


def get(server: Server, path: str, *, timeout: float = 5, seconds: float = 0.5) -> Report:
    with Load(base_url=server.url, paths={path: 1}, rate=40, clients=2, timeout=timeout) as load:
        time.sleep(seconds)
    return load.report


def test_clean_server_has_no_failure(server: Server) -> None:
    with Load(base_url=server.url, paths={"/ok": 1}, rate=100, post_rate=40, slow=1, slow_path="/slow", idle=3) as load:
        time.sleep(1)
    report = load.report
    assert (report.failures, report.errors, report.unfinished, report.closed_idle) == ((), (), 0, 0)
    assert report.sent == report.ok == server.served
    assert report.sent > 100
    assert report.longest_gap_ms < 400
    assert set(report.answers_by_instance) == {"one"}
    assert report.answers_by_instance["one"].count == report.ok
    assert {"get_kept", "get_fresh", "post_kept", "post_fresh"} <= set(report.longest_gap_by_client_ms)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/502", "status_502"),
        ("/close", "no_answer"),
        ("/reset", "reset"),
        ("/cut", "cut_answer"),
        ("/cut-head", "cut_answer"),
        ("/cut-chunk", "cut_answer"),
        ("/garbage", "bad_answer"),
    ],
)
def test_each_kind_of_failure_is_counted(server: Server, path: str, kind: str) -> None:
    report = get(server, path)
    assert report.failed_by_kind == {kind: report.sent}
    assert report.failed > 5
    assert report.ok == 0
    t, _, method, failed_path = report.failures[0]
    assert (method, failed_path) == ("GET", path)
    assert t == report.first_failure
    assert report.longest_gap_ms >= 450, "never a good answer: the gap is the whole run"


def test_refused_and_timeout(server: Server) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can take the port
        with Load(base_url=f"http://127.0.0.1:{closed.getsockname()[1]}", rate=40) as load:
            time.sleep(0.3)
    assert set(load.report.failed_by_kind) == {"refused"}
    assert set(get(server, "/silent", timeout=0.2).failed_by_kind) == {"timeout"}


def test_a_kept_connection_that_closes_under_a_request(server: Server) -> None:
    report = get(server, "/once")
    assert set(report.failed_by_kind) == {"stale_keepalive"}
    assert report.ok > 0


def test_never_answered_is_told_at_the_end(server: Server) -> None:
    with Load(base_url=server.url, paths={"/silent": 1}, rate=40, clients=1, grace=0.2) as load:
        time.sleep(0.3)
    assert load.report.failed_by_kind == {"unanswered": 2}


def test_a_slow_request_at_the_end_is_unfinished(server: Server) -> None:
    with Load(base_url=server.url, rate=0, slow=1, slow_path="/slow", grace=0.1) as load:
        time.sleep(0.2)
    assert (load.report.failed, load.report.unfinished) == (0, 1)


def test_a_wrong_echo_is_a_failure(server: Server) -> None:
    server.wrong_echo = True
    with Load(base_url=server.url, rate=0, post_rate=40) as load:
        time.sleep(0.4)
    assert load.report.failed_by_kind == {"wrong_echo": load.report.sent}
    assert load.report.failures[0].method == "POST"


def test_gap_is_measured(server: Server) -> None:
    with Load(base_url=server.url, paths={"/pause": 1}, rate=100, clients=2) as load:
        time.sleep(0.4)
        server.pause.set()
        load.mark("pause")
        time.sleep(0.2)
        server.pause.clear()
        time.sleep(0.8)
    report = load.report
    assert report.failed == 0
    assert 300 < report.longest_gap_ms < 900
    assert abs(report.longest_gap_at - report.marks["pause"]) < 0.3
    assert report.missed > 0


def test_idle_connections_that_the_server_closes(server: Server) -> None:
    with Load(base_url=server.url, paths={"/idle": 1}, rate=0, idle=3) as load:
        time.sleep(0.5)
    report = load.report
    assert report.failed == 0
    assert report.closed_idle == len(report.closed_idle_at) >= 3


@pytest.mark.parametrize(("ends", "how"), [(True, "last_chunk"), (False, "eof")])
def test_events_cut_or_closed(server: Server, ends: bool, how: str) -> None:
    server.ends_streams = ends
    with Load(base_url=server.url, rate=0, sse=2, sse_path="/events") as load:
        time.sleep(0.5)
    sse = load.report.sse
    assert set(sse["how"]) == {how}
    assert (sse["closed"] > 0, sse["cut"] > 0) == (ends, not ends)
    assert sse["received"] >= 2 * (sse["closed"] + sse["cut"])
    assert 100 <= sse["longest_down_ms"] < 400, "the wait before another try is part of it"
    assert load.report.failed == 0


def echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def close_after_two(connection: ServerConnection) -> None:
    connection.send(connection.recv())
    connection.send(connection.recv())
    connection.close(1012)


def drop_after_one(connection: ServerConnection) -> None:
    connection.send(connection.recv())
    connection.socket.shutdown(socket.SHUT_RDWR)


def sockets(handler: Callable[[ServerConnection], None]) -> Report:
    with serve(handler, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        with Load(base_url=url, rate=0, websockets=2, ws_interval=0.1) as load:
            time.sleep(0.7)
        server.shutdown()
    assert load.report.errors == ()
    return load.report


def test_websockets_that_stay() -> None:
    report = sockets(echo)
    found = report.websockets
    assert (found["opened"], found["open_at_end"], found["closed"], found["cut"]) == (2, 2, 0, 0)
    assert found["received"] >= 8
    assert found["sent"] - found["received"] <= 2


def test_websockets_closed_and_cut() -> None:
    closed, cut = sockets(close_after_two).websockets, sockets(drop_after_one).websockets
    assert set(closed["how"]) == {"close_1012"}
    assert (closed["closed"] > 0, closed["cut"]) == (True, 0)
    assert cut["cut"] > 0
    assert cut["closed"] == 0
    assert len(closed["reconnect_ms"]) > 0


def test_refused_websockets_are_not_failed_requests(server: Server) -> None:
    with Load(base_url=server.url, rate=0, websockets=1, ws_path="/502") as load:
        time.sleep(0.3)
    assert load.report.failed == 0
    assert set(load.report.websockets["open_failed"]) == {"status_502"}
    assert load.report.websockets["longest_down_ms"] > 100


def test_start_and_stop_are_quick_and_the_report_is_there_before_the_end(server: Server) -> None:
    began = time.monotonic()
    with Load(
        base_url=server.url, paths={"/ok": 1}, post_rate=20, slow=1, slow_path="/silent", sse=1, sse_path="/silent"
    ) as load:
        assert time.monotonic() - began < 0.5
        time.sleep(0.3)
        assert load.report.ok > 0
        began = time.monotonic()
    assert time.monotonic() - began < 5


def test_the_site_may_go_away_and_come_back() -> None:
    with running() as first:
        load = Load(base_url=first.url, paths={"/ok": 1})
        load.__enter__()
        time.sleep(0.3)
    time.sleep(0.3)
    with running(int(first.url.rpartition(":")[2])):
        back = load.now()
        time.sleep(0.5)
        report = load.finish()
    assert "refused" in report.failed_by_kind
    assert report.longest_gap_by_client_ms["get_fresh"] >= 250, "kept connections live on in their threads"
    assert report.answers_by_instance["one"].last > back
    assert report.errors == ()


def test_senseless_address_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="base_url"), Load(base_url="localhost:8080"):
        pass


def test_command_line(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    base = ["--url", f"3:{server.url}/ok", "--rate", "50"]
    assert main([*base, "--run", "true", "--run-at", "0.2", "--tail", "0.2", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["failed"], told["command_status"]) == (0, 0)
    assert told["marks"]["command_start"] >= 0.2
    assert main([*base, "--url", f"{server.url}/502", "--duration", "0.3"]) == 1
    assert "status_502" in capfd.readouterr().out
    with pytest.raises(SystemExit) as wrong:
        main([*base, "--url", "http://elsewhere/"])
    assert wrong.value.code == 2
