"""Ports for tests that run side by side."""

import random
import socket
from collections.abc import Iterable

_claims: list[socket.socket] = []
"""One abstract socket for each port given away: the kernel takes them back with the process."""


def free_port() -> int:
    """A TCP port that nobody has now, and that no other test gets while this process lives.

    Not one of those that the kernel gives to whoever connects (32768 and above): between the asking and the listening
    a test beside this one would get it for one of its own connections.
    """
    return first_free(random.sample(range(10_000, 32_000), 200))


def first_free(ports: Iterable[int]) -> int:
    """The first of ``ports`` on which nobody listens and that no other test has."""
    for port in ports:
        claim = socket.socket(socket.AF_UNIX)
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                claim.bind(f"\0gateway-test-port-{port}")
                trial.bind(("0.0.0.0", port))
            except OSError:
                claim.close()
                continue
        _claims.append(claim)
        return port
    raise AssertionError("none of these ports is free")
