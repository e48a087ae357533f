"""inside.py serve and run: listen first, then become the server, with the env file's variables."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from targets.common import inside

INSIDE = inside.__file__
SERVER = """
import os, socket
listener = socket.socket(fileno=3)
told = [os.environ.get(n) for n in ("LISTEN_FDS", "LISTEN_FDNAMES", "GREETING")]
own = os.environ.get("LISTEN_PID") == str(os.getpid())
while True:
    client, _ = listener.accept()
    client.sendall(repr((told, own)).encode())
    client.close()
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def env_file(tmp_path: Path) -> str:
    path = tmp_path / "site.env"
    path.write_text("GREETING='it'\"'\"'s \u017elu\u0165'\nEMPTY=''\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def start(env_file: str) -> Iterator[Start]:
    """Starts ``inside.py serve`` on a socket, with the command after it; ended at the end."""
    running: list[subprocess.Popen[str]] = []

    def run(path: Path, *command: str) -> "subprocess.Popen[str]":
        line = [sys.executable, INSIDE, "serve", str(path), env_file, "--", *command]
        running.append(subprocess.Popen(line, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()


def talk(path: Path) -> str:
    """What the server says to one client; a client may come as soon as somebody listens."""
    end = time.monotonic() + 5
    while True:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            try:
                client.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                assert time.monotonic() < end, "nobody listens"
                time.sleep(0.01)
                continue
            return client.recv(1000).decode()


def test_the_server_gets_its_socket_on_fd_3_and_its_env(tmp_path: Path, start: Start) -> None:
    start(tmp_path / "a.sock", sys.executable, "-c", SERVER)
    assert talk(tmp_path / "a.sock") == repr((["1", "http", "it's žluť"], True))


def test_clients_wait_in_the_queue_while_the_server_still_boots(tmp_path: Path, start: Start) -> None:
    start(tmp_path / "a.sock", sys.executable, "-c", "import time; time.sleep(0.3)" + SERVER)
    begun = time.monotonic()
    assert "žluť" in talk(tmp_path / "a.sock")
    assert time.monotonic() - begun > 0.25


def test_the_server_is_the_process_that_was_started(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path / "a.sock", sys.executable, "-c", SERVER)
    assert talk(tmp_path / "a.sock").endswith(", True)")
    process.terminate()
    assert process.wait(5) < 0


def test_a_socket_file_that_a_killed_server_left_is_replaced(tmp_path: Path, start: Start) -> None:
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    before = path.stat().st_ino, path.stat().st_mtime_ns
    start(path, sys.executable, "-c", SERVER)
    assert talk(path)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) != before


def test_the_proxy_may_connect_whatever_user_it_is(tmp_path: Path, start: Start) -> None:
    start(tmp_path / "a.sock", sys.executable, "-c", SERVER)
    assert talk(tmp_path / "a.sock")
    assert (tmp_path / "a.sock").stat().st_mode & 0o777 == 0o666


def test_a_command_that_the_image_does_not_have_is_told_in_one_line(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path / "a.sock", "nosuchserver", "--flag")
    _, error = process.communicate(timeout=5)
    assert (process.returncode, error) == (1, "nosuchserver: not found in this image\n")


def run(*args: str, **env: str) -> "subprocess.CompletedProcess[str]":
    everything = {**os.environ, **env}
    return subprocess.run(
        [sys.executable, INSIDE, *args], capture_output=True, text=True, timeout=10, check=False, env=everything
    )


def test_a_task_runs_with_the_env_file_over_what_the_container_has(env_file: str) -> None:
    result = run("run", env_file, "--", "printenv", "GREETING", "KEPT", GREETING="old", KEPT="yes")
    assert (result.returncode, result.stdout) == (0, "it's žluť\nyes\n")


def test_the_status_of_a_task_is_its_own(env_file: str) -> None:
    assert run("run", env_file, "--", "sh", "-c", "exit 7").returncode == 7


def test_a_verb_that_it_does_not_know_shows_the_ones_it_does() -> None:
    result = run("dance")
    assert result.returncode == 1
    assert "inside.py serve SOCKET" in result.stderr
