"""A deployment of its own onto real Linux hosts, for a test."""

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from settings.model import SERVERS
from tests.deployment import Deployment
from tests.live.hosts import TestHost


def servers_in_turn() -> Iterator[tuple[str, str]]:
    """Interface and server, all six over and over, WSGI first."""
    return itertools.cycle([("wsgi", "gunicorn"), *(("asgi", str(server)) for server in SERVERS["asgi"])])


class HostDeployment(Deployment):
    """One stack of one copy of the project, whose site is served by hosts."""

    def __init__(self, folder: Path, app: str, hosts: Sequence[TestHost], *, database: str = "", **options: Any) -> None:
        super().__init__(folder, app, **options)
        self.hosts, self.domain, self.port = list(hosts), f"{app}.example", 80
        for unused in ("services", "listenAddress"):
            del self.config[unused]
        self.config |= {
            "target": "host",
            "hosts": [host.config for host in hosts],
            "domains": [self.domain],
            "httpPort": self.port,
            "drainSeconds": 5,
            "env": {"DATABASE_URL": database or f"sqlite:////srv/{app}/data/db.sqlite3"},
        }

    @property
    def url(self) -> str:
        return self.url_of(self.hosts[0])

    @property
    def urls(self) -> list[str]:
        return [self.url_of(host) for host in self.hosts]

    def instances(self) -> list[int]:
        return [len(self.units(host)) for host in self.hosts]

    def url_of(self, host: TestHost) -> str:
        """Where that host serves."""
        return f"http://{host.address}:{self.port}"

    def health_of(self, host: TestHost, **headers: str) -> dict[str, str]:
        """Who serves on a host."""
        return self.tells("/health/", self.url_of(host), **headers)

    def answers(self, host: TestHost | None = None) -> bool:
        """Whether the site answers on a host."""
        try:
            return self.health_of(host or self.hosts[0])["interface"] != ""
        except (AssertionError, httpx.HTTPError):
            return False

    def units(self, host: TestHost | None = None) -> list[str]:
        """Instances that have a service unit on a host, running or not."""
        names = (host or self.hosts[0]).sh("ls /etc/systemd/system", check=False).split()
        return [found[1] for name in names if (found := re.fullmatch(rf"{self.app}-([0-9a-f]{{10}})\.service", name))]

    def logins(self) -> list[int]:
        """SSH logins on each host so far."""
        return [host.logins() for host in self.hosts]

    def remove(self) -> None:
        """The hosts go away as a whole."""
