"""A site on one Linux host that is broken on purpose, and what is said of it."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops import diagnose
from targets.common.diagnosis import Finding
from tests.deployment import KEY, eventually
from tests.live import faulty
from tests.live.database import Database
from tests.live.hosts import TestHost
from tests.live.inprocess import InProcessSite, StepFailed

APP = "hostdiagnosed"
DOMAIN = "diagnosed.example"


class BrokenHost:
    """The site on one host, and what it says of itself."""

    def __init__(self, site: InProcessSite, source: Path, host: TestHost, database: Database) -> None:
        self.site, self.source, self.host, self.database = site, source, host, database
        self.config: dict[str, Any] = {
            "app": {"name": APP, "source": str(source)},
            "target": "host",
            "hosts": [host.config],
            "domains": [DOMAIN],
            "httpPort": 80,
            "drainSeconds": 0,
            "workers": 2,
            "health": {"timeout": 8},
            "memory": {"max": "400M"},
            "env": {"DATABASE_URL": database.url(APP)},
            "secrets": {"SECRET_KEY": KEY},
        }
        self.serving = site.up(self.config)

    @property
    def unit(self) -> str:
        return f"{APP}-{self.serving['instance']}"

    @property
    def socket(self) -> str:
        return f"/run/{APP}/{self.serving['instance']}.sock"

    def port_of(self, serving: dict[str, str]) -> int:
        """In the plain form, where the instance listens."""
        known = self.host.run("cat", f"/srv/{APP}/instances/{serving['instance']}.json")
        return int(json.loads(known)["port"])

    def failure(self, **changes: Any) -> str:
        """First line of an update with these changes, which has to fail."""
        with pytest.raises(StepFailed) as caught:
            self.site.up({**self.config, **changes})
        return str(caught.value).partition("gateway: ")[2].splitlines()[0]

    def findings(self, minutes: int = 1) -> dict[str, Finding]:
        """What ``make diagnose`` finds now, by name."""
        told, unreachable = diagnose.look(faulty.settings_of(self.config), "gateway/dev", minutes)
        assert not unreachable
        (one,) = told
        return {found.name: found for found in one.findings}

    @contextlib.contextmanager
    def taken(self, port: int) -> Iterator[None]:
        """Another program listens there meanwhile."""
        program = ("python3", "-m", "http.server", str(port), "--directory", "/var/empty")
        self.host.run("systemd-run", "--quiet", "--unit=taker", *program)
        try:
            eventually(lambda: f":{port}" in self.host.run("ss", "-Hltn", f"sport = :{port}"), 10)
            yield
        finally:
            self.host.run("systemctl", "stop", "taker")

    def get(self, path: str, host: str = DOMAIN) -> int:
        return httpx.get(f"http://{self.host.address}{path}", headers={"Host": host}, timeout=30).status_code

    def await_well(self) -> None:
        eventually(lambda: self.get("/health/") == 200, 30)
