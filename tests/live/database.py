"""A PostgreSQL that several hosts share, as sites with more than one host have: reached over TCP, with a password."""

import contextlib
import os
import time
from dataclasses import dataclass

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from targets.docker.agent import bases
from tests.live.hosts import network

NAME, USER, PASSWORD = "gateway-test-database", "tester", "pw-9f1c-of-the-database"
START = (
    "printf 'local all all trust\\nhost all all all trust\\n' > /tmp/hba && chmod 644 /tmp/hba && "
    "exec docker-entrypoint.sh postgres -c listen_addresses='*' -c max_connections=400 -c fsync=off -c hba_file=/tmp/hba"
)


@dataclass(frozen=True)
class Database:
    """The server; sites have a database each."""

    container: Container

    def url(self, name: str) -> str:
        """A fresh database of that name, as DATABASE_URL."""
        for statement in (f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', f'CREATE DATABASE "{name}"'):
            self.sql(statement)
        self.container.reload()
        (network,) = self.container.attrs["NetworkSettings"]["Networks"].values()
        return f"postgres://{USER}:{PASSWORD}@{network['IPAddress']}/{name}"

    def sql(self, statement: str, database: str = USER) -> str:
        """Output of one statement, rows only."""
        status, output = self.container.exec_run(["psql", "-h", "localhost", "-U", USER, "-d", database, "-Atc", statement])
        text = bytes(output).decode()  # type: ignore[arg-type]
        assert status == 0, text
        return text.strip()


def start(client: docker.DockerClient) -> Database:
    """A fresh server; one that is left from before goes."""
    with contextlib.suppress(NotFound):
        client.containers.get(f"{NAME}-{os.getpid()}").remove(force=True, v=True)
    container = client.containers.run(
        str(bases.ensure(client, "postgres:17").id),
        ["-c", START],
        entrypoint=["sh"],
        name=f"{NAME}-{os.getpid()}",
        network=network(client),
        detach=True,
        environment={"POSTGRES_USER": USER, "POSTGRES_DB": USER, "POSTGRES_PASSWORD": PASSWORD},
    )
    end = time.monotonic() + 60
    while time.monotonic() < end:
        status, _ = container.exec_run(["psql", "-h", "localhost", "-U", USER, "-c", "SELECT 1"])
        if status == 0:
            return Database(container)
        time.sleep(0.2)
    raise AssertionError(f"the database does not start: {container.logs()[-500:]!r}")
