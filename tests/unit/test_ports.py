"""Tests side by side on one machine: a port that was given to one is not taken by another before it listens."""

import socket
import subprocess
import sys
from pathlib import Path

from tests.ports import first_free, free_port


def test_a_port_is_not_one_that_the_kernel_gives_to_whoever_connects() -> None:
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert not first <= free_port() <= last


def test_a_port_given_to_one_test_run_is_not_given_to_another() -> None:
    port = free_port()
    script = f"from tests.ports import first_free; print(first_free(range({port}, {port + 50})))"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(other.stdout) != port


def test_a_port_on_which_somebody_listens_is_not_given() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        assert first_free(range(taken, taken + 50)) != taken
