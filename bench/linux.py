"""Linux hosts with systemd to measure on, and a database that they share."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import docker

from tests.live import database as databases
from tests.live import hosts as machines
from tests.live.database import Database
from tests.live.hosts import TestHost


@contextmanager
def linux(number: int, folder: Path) -> Iterator[tuple[list[TestHost], Database]]:
    """So many fresh hosts, which the key in ``folder`` opens; they and the database are gone afterwards."""
    client = docker.from_env(timeout=300)
    with ExitStack() as stack:
        key = machines.login_key(folder)
        database = databases.start(client)
        stack.callback(machines.remove_network, client)
        stack.callback(database.container.remove, force=True, v=True)
        hosts = []
        for index in range(number):
            hosts.append(machines.start(client, f"gateway-bench-host{index}", key))
            stack.callback(hosts[-1].remove)
        yield hosts, database
