"""A look at a site on the engine: instances, requests, Nginx, disk, drift. It only reads, and what costs more it asks seldom."""

import os
import shutil
import time
from collections import Counter
from datetime import datetime
from typing import Any

import docker
from docker.errors import APIError, DockerException
from docker.models.containers import Container

from targets.common import processes
from targets.common.requests_seen import Window
from targets.docker import drift, names
from targets.docker.agent import code, engine
from targets.docker.follow import Followed, read
from targets.docker.near import Near, content, near
from targets.docker.observe import live_of
from targets.observation import Finding

SELDOM = 5
"""Of looks that follow one another, each so many asks what costs more."""
ENTRY_FIGURES = "/tmp/gateway-entry"

Facts = dict[str, Any]


class Eyes:
    """On one site of one engine. With ``follow`` its log is read on from look to look, else once."""

    def __init__(self, client: docker.DockerClient, app: str, wanted: drift.Wanted, window: float, *, follow: bool) -> None:
        self.client, self.own, self.wanted = client, names.Names(app), wanted
        self.window, self.seconds, self.follow = Window(window), window, follow
        self._log: Followed | None = None
        self._seldom: Facts = {}
        self._instances: list[Facts] = []
        self._near: dict[str, Near | None] = {}
        self._table: Counter[str] = Counter()
        self._looks = 0
        self._edited: list[Finding] = []

    def look(self) -> Facts:
        """What is there now. Raises ``DockerException`` or ``OSError`` where the engine does not answer."""
        now = time.time()
        if self._looks % SELDOM == 0:
            self._look_closely(now)
        self._looks += 1
        proxy = self._near.get("proxy")
        if proxy is not None:
            self._table = processes.unix_connections(proxy.unix())
        if self._log is not None:
            self.window.add(self._log.more())
        return {
            "at": round(now, 3),
            **self._seldom,
            "instances": [self._with_connections(one, now) for one in self._instances],
            "requests": self.window.told(now),
        }

    def _look_closely(self, now: float) -> None:
        containers = self._containers()
        proxy = next((one for one in containers if one.labels.get(names.LABEL_ROLE) == "proxy"), None)
        running = proxy is not None and proxy.status == "running"
        self._near["proxy"] = near(proxy) if proxy is not None and running else None
        if proxy is not None and running and self._near["proxy"] is None:
            _, table = engine.run_in(proxy, "cat", "/proc/net/unix")
            self._table = processes.unix_connections(table)
        if proxy is not None:
            self._read_log(proxy, now)
        live, standby = self._live(proxy if running else None)
        instances = [one for one in containers if one.labels.get(names.LABEL_ROLE) == "instance"]
        self._near |= {str(one.name): near(one) for one in instances if one.status == "running"}
        self._instances = [self._instance(one, live, standby) for one in instances]
        self._instances.sort(key=lambda one: (one["role"] != "live", one["instance"]))
        self._seldom = {
            "live": live,
            "standby": standby,
            "nginx": {
                "state": proxy.status if proxy is not None else "gone",
                "since": _since(proxy) if proxy is not None and running else None,
            },
            "disk": self._disk(),
            "drift": self._drift(containers, live),
        }

    def _live(self, proxy: Container | None) -> tuple[str, str]:
        """The instance that has the traffic, and the standby."""
        known = near(proxy) if proxy is not None else None
        if known is None:
            volumes = {str(volume.name) for volume in self.client.volumes.list()} if proxy is None else set()
            return live_of(self.client, self.own.app, proxy, volumes)
        try:
            live = os.readlink(known.root / names.LIVE.lstrip("/")).removesuffix(".sock")
        except OSError:
            live = ""
        return live, (content(proxy, names.STANDBY) or b"").decode() if proxy is not None else ""

    def _drift(self, containers: list[Container], live: str) -> list[Facts]:
        """Files inside containers are compared at the first look only: that costs the engine more than all else."""
        found = drift.found(self.client, self.own, self.wanted, containers, live)
        if self._looks == 0:
            serving = self.wanted.instance or live
            mine = (one for one in containers if one.labels.get(names.LABEL_INSTANCE) == serving and one.status == "running")
            self._edited = [finding for one in mine for finding in drift.edited(one)]
        return [one._asdict() for one in (*found, *self._edited)]

    def _containers(self) -> list[Container]:
        mine: dict[str, str | list[str] | bool] = {"label": f"{names.LABEL_APP}={self.own.app}"}
        return list(self.client.containers.list(all=True, filters=mine, ignore_removed=True))

    def _read_log(self, proxy: Container, now: float) -> None:
        if not self.follow:
            self.window.add(read(proxy, now - self.seconds))
        elif self._log is None or self._log.ended:
            self._log = Followed(proxy, self._log.last if self._log else now - self.seconds)

    def _instance(self, container: Container, live: str, standby: str) -> Facts:
        """What changes seldom."""
        label = {key: container.labels.get(f"gateway.{key}", "") for key in ("instance", "interface", "server", "release")}
        known = self._near.get(str(container.name)) if container.status == "running" else None
        facts = {
            **label,
            "role": "live" if label["instance"] == live else "standby" if label["instance"] == standby else "other",
            "state": container.status,
            "since": _since(container) if container.status == "running" else None,
            "workers": 0,
            "restarts": int(container.attrs.get("RestartCount") or 0),
            "memory_bytes": 0,
            "env": code.env_of(container),
        }
        if container.status == "running":
            facts["workers"] = known.workers() if known else _workers(container)
            facts["memory_bytes"] = (known.memory() if known else 0) or _memory(container)
        return facts

    def _with_connections(self, facts: Facts, now: float) -> Facts:
        """With what changes all the time."""
        if facts["state"] != "running":
            return {**facts, "connections": 0}
        known = self._near.get(self.own.instance(facts["instance"]))
        told = processes.entry_figures(known.root / ENTRY_FIGURES[1:], now) if known else self._figures(facts["instance"], now)
        path = f"{names.SOCKETS}/{names.socket_name(facts['instance'])}"
        return {**facts, "connections": self._table.get(path, 0), **told}

    def _figures(self, instance: str, now: float) -> dict[str, float]:
        container = engine.find(self.client, self.own.instance(instance))
        return processes.figures_in(engine.files(container, ENTRY_FIGURES), now) if container is not None else {}

    def _disk(self) -> list[Facts]:
        """Of the engine's own folder, where it is on this machine."""
        try:
            path = str(self.client.info()["DockerRootDir"])
            usage = shutil.disk_usage(path)
        except (DockerException, OSError, KeyError):
            return []
        return [{"path": path, "free_bytes": usage.free, "total_bytes": usage.total}]


def _since(container: Container) -> float | None:
    """When it was started last, seconds since 1970."""
    text = str(container.attrs["State"].get("StartedAt") or "")
    try:
        return round(datetime.fromisoformat(f"{text.partition('.')[0].rstrip('Z')}+00:00").timestamp(), 1)
    except ValueError:
        return None


def _workers(container: Container) -> int:
    try:
        found = container.top(ps_args="-eo pid,ppid,args") or {"Processes": []}
    except APIError:
        return 0
    rows = [(int(pid), int(parent), line) for pid, parent, line in found["Processes"]]
    return processes.worker_count(rows, int(container.attrs["State"]["Pid"]))


def _memory(container: Container) -> int:
    """What the engine says, without the file cache that the kernel could drop."""
    try:
        answer: Any = container.stats(stream=False, one_shot=True)
        told: Facts = answer["memory_stats"]
    except (APIError, KeyError):
        return 0
    detail = told.get("stats", {})
    return int(told.get("usage", 0)) - int(detail.get("inactive_file", detail.get("total_inactive_file", 0)))
