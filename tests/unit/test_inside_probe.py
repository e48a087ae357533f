"""inside.py probe and wait: what counts as healthy, what is asked again, and what waiting will not mend."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from targets.common import inside
from targets.common.inside import probe, wait

OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ERROR = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
MOVED = "HTTP/1.1 301 Moved\r\nLocation: https://shop.example/health/\r\nContent-Length: 0\r\n\r\n"
BAD = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
MISSING = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
SILENCE = ""
GARBAGE = "hello\r\n\r\n"


class Server:
    """Answers on a unix socket: each connection the next of ``answers``, the last one for ever. '' never answers."""

    def __init__(self, path: Path, answers: tuple[str, ...]) -> None:
        self.path, self.answers = str(path), list(answers)
        self.requests: list[str] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(client)
            self.requests.append(client.recv(10_000).decode())
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer:
                client.sendall(answer.encode())
                client.close()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        for each in (self.listener, *self.open):
            each.close()


Answering = Callable[..., Server]


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Answering]:
    made: list[Server] = []

    def make(*answers: str) -> Server:
        made.append(Server(tmp_path / f"{len(made)}.sock", answers))
        return made[-1]

    yield make
    for server in made:
        server.close()


def test_a_healthy_server_is_asked_as_the_proxy_would_ask(answering: Answering) -> None:
    server = answering(OK)
    assert probe("shop.example", "/health/?x=1", server.path) == (200, "")
    head = server.requests[0].split("\r\n")
    assert head[0] == "GET /health/?x=1 HTTP/1.1"
    assert "Host: shop.example" in head
    assert "X-Forwarded-Proto: http" in head


def test_a_redirect_is_not_followed_and_tells_where_it_leads(answering: Answering) -> None:
    assert probe("shop.example", "/", answering(MOVED).path) == (301, "https://shop.example/health/")


def test_nobody_listening_is_status_0_with_the_reason(tmp_path: Path) -> None:
    status, reason = probe("x", "/", str(tmp_path / "none.sock"))
    assert status == 0
    assert reason.startswith("FileNotFoundError")


def test_what_is_not_http_is_status_0_with_the_reason(answering: Answering) -> None:
    status, reason = probe("x", "/", answering(GARBAGE).path)
    assert status == 0
    assert reason.startswith("BadStatusLine")


def test_silence_ends_after_the_time_it_was_given(answering: Answering) -> None:
    begun = time.monotonic()
    assert probe("x", "/", answering(SILENCE).path, timeout=0.2)[0] == 0
    assert 0.15 < time.monotonic() - begun < 2


def test_a_tcp_address_is_asked_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            client, _ = listener.accept()
            client.recv(1000)
            client.sendall(OK.encode())
            client.close()

        threading.Thread(target=answer, daemon=True).start()
        assert probe("x", "/", f"127.0.0.1:{port}") == (200, "")


@pytest.mark.parametrize(
    ("answers", "status", "asked"),
    [
        ((OK,), 200, 1),
        ((ERROR, ERROR, OK), 200, 3),
        ((GARBAGE, OK), 200, 2),
        ((MOVED, OK), 301, 1),
        ((BAD, OK), 400, 1),
        ((MISSING, OK), 404, 1),
    ],
    ids=["healthy", "errors-then-healthy", "garbage-then-healthy", "redirect", "bad-host", "no-view"],
)
def test_waiting_ends_with_the_first_final_answer(
    answering: Answering, answers: tuple[str, ...], status: int, asked: int
) -> None:
    server = answering(*answers)
    assert wait("x", "/health/", 5, server.path)[0] == status
    assert len(server.requests) == asked


def test_waiting_for_a_server_that_is_always_broken_ends_in_time_with_its_answer(answering: Answering) -> None:
    begun = time.monotonic()
    assert wait("x", "/", 0.35, answering(ERROR).path)[0] == 500
    assert 0.3 < time.monotonic() - begun < 2


def test_an_answer_tells_more_than_the_silence_of_the_last_try_that_the_limit_cut_short(answering: Answering) -> None:
    assert wait("x", "/", 0.5, answering(ERROR, SILENCE).path)[0] == 500


def test_waiting_for_a_server_that_hangs_ends_in_time(answering: Answering) -> None:
    begun = time.monotonic()
    assert wait("x", "/", 0.3, answering(SILENCE).path)[0] == 0
    assert time.monotonic() - begun < 2


def test_waiting_begins_before_anybody_listens(tmp_path: Path) -> None:
    found: list[Server] = []
    timer = threading.Timer(0.2, lambda: found.append(Server(tmp_path / "late.sock", (OK,))))
    timer.start()
    assert wait("x", "/", 5, str(tmp_path / "late.sock")) == (200, "")
    timer.join()
    found[0].close()


def test_waiting_for_nobody_tells_that_nobody_was_there(tmp_path: Path) -> None:
    status, reason = wait("x", "/", 0.2, str(tmp_path / "none.sock"))
    assert (status, reason.partition(":")[0]) == (0, "FileNotFoundError")


@pytest.mark.parametrize("verb", [("probe", "x", "/"), ("wait", "x", "/", "5")])
def test_the_command_prints_status_and_detail_as_json(answering: Answering, verb: tuple[str, ...]) -> None:
    command = [sys.executable, inside.__file__, *verb, answering(MOVED).path]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout
    assert json.loads(output) == [301, "https://shop.example/health/"]
