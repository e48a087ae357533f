"""Hosts before an update: that their SSH ports answer. Nobody logs in: a few milliseconds, and no line in any journal."""

import shutil
import socket
from collections.abc import Sequence

from ops.errors import Missing
from targets.host.client.connection import Connection
from targets.host.client.hosts import each

SECONDS = 5.0


def expect_reachable(hosts: Sequence[Connection]) -> None:
    """Raises ``Missing`` for hosts that cannot be reached; one behind a bastion is asked for by its bastion."""
    if any(not host.local for host in hosts) and not shutil.which("ssh"):
        raise Missing("there is no ssh on this machine; way out: apt install openssh-client")
    failures = [words for words in each(hosts, _failure) if words]
    if failures:
        raise Missing("\n".join(f"{words}; way out: start it or make its SSH port reachable" for words in failures))


def _failure(host: Connection) -> str:
    if host.local:
        return ""
    first = host.proxy or host
    try:
        socket.create_connection((first.address, first.port), SECONDS).close()
    except OSError as error:
        return f"host {first.name} cannot be reached ({error.strerror or error})"
    return ""
