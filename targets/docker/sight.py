"""What is on the Docker engine of a site and how it does: instances, requests, Nginx, disk, drift. It only reads."""

import os
import time
from collections.abc import Sequence
from typing import Any

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from targets.common.around import BEFORE, around
from targets.docker import drift, names
from targets.docker.agent import engine
from targets.docker.eyes import Eyes
from targets.docker.follow import read

SECONDS = 30

Facts = dict[str, Any]


class Engine:
    """One site on the engine, as ``targets.sight.Sight``; an engine that does not answer is asked again at the next look."""

    def __init__(self, app: str, wanted: drift.Wanted, window: float, every: float = 0) -> None:
        self.app, self.wanted, self.window, self.every = app, wanted, window, every
        self._eyes: Eyes | None = None
        self._next = 0.0

    def look(self) -> dict[str, Facts | str]:
        """What is there, under the name ``docker``."""
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + self.every
        try:
            if self._eyes is None:
                client = docker.from_env(timeout=SECONDS)
                self._eyes = Eyes(client, self.app, self.wanted, self.window, follow=bool(self.every))
            return {"docker": self._eyes.look()}
        except (DockerException, RequestException, OSError) as error:
            self._eyes = None
            return {"docker": _silent(error)}

    def around(self, moments: Sequence[float]) -> dict[str, list[Facts] | str]:
        """From Nginx's log, as far as the engine has kept it."""
        if not moments:
            return {"docker": []}
        try:
            proxy = engine.find(docker.from_env(timeout=SECONDS), names.Names(self.app).proxy)
            found = read(proxy, min(moments) - BEFORE) if proxy is not None else []
        except (DockerException, RequestException, OSError) as error:
            return {"docker": _silent(error)}
        return {"docker": around(found, moments)}

    def close(self) -> None:
        """Nothing is held that does not end with this process."""


def _silent(error: Exception) -> str:
    """Requests' own words wrap the reason three times."""
    reason = str(error).rpartition("[Errno ")[2].partition("] ")[2].rstrip("')\"") or str(error)
    where = f" at DOCKER_HOST={os.environ['DOCKER_HOST']}" if os.environ.get("DOCKER_HOST") else ""
    return f"no Docker engine answers{where} ({reason}); way out: start it"
