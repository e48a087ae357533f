"""A deployed site of ours, through the Pulumi CLI: the one that is there, or a private copy that goes away again."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.lab import ROOT, Missing
from bench.load import Load
from tests.deployment import Deployment

OTHER = {"wsgi": "asgi", "asgi": "wsgi"}


@dataclass(frozen=True)
class Site:
    """One stack of one project folder."""

    project: Path
    stack: str
    env: dict[str, str]

    @classmethod
    def open(cls, project: Path, stack: str) -> "Site":
        """With the environment that ``python -m ops env`` prints, else with the PULUMI_* variables that are set."""
        told = subprocess.run([sys.executable, "-m", "ops", "env"], cwd=project, capture_output=True, text=True, check=False)
        given = dict(re.findall(r"^export (\w+)='?([^'\n]*)'?$", told.stdout, re.MULTILINE))
        return cls(project, stack, {**os.environ, **given})

    def pulumi(self, *args: str) -> str:
        """Standard output; raises with Pulumi's own words."""
        command = ["pulumi", *args, "--stack", self.stack, "--non-interactive", "--color", "never"]
        done = subprocess.run(command, cwd=self.project, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"pulumi {' '.join(args[:2])} in {self.project}: {(done.stderr or done.stdout).strip()[-2000:]}")
        return done.stdout

    def up(self) -> None:
        self.pulumi("up", "--yes", "--skip-preview")

    def outputs(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.pulumi("stack", "output", "--json"))
        return found

    def want(self, interface: str) -> None:
        """Into the config; the next ``up`` makes it so."""
        self.pulumi("config", "set", "gateway:interface", interface)

    def load(self, *, rate: float = 100, post_rate: float = 20, idle: int = 8) -> Load:
        """The load of all benchmarks: GETs and POSTs, and idle connections."""
        url = urlsplit(self.outputs()["url"])
        host, port = url.hostname or "localhost", url.port or 80
        return steady(f"http://127.0.0.1:{port}", f"{host}:{port}", rate=rate, post_rate=post_rate, idle=idle)


def steady(base_url: str, host: str, *, rate: float = 100, post_rate: float = 20, idle: int = 8) -> Load:
    """The same load for all ways."""
    return Load(base_url=base_url, host=host, rate=rate, post_rate=post_rate, idle=idle)


@contextmanager
def opened(project: Path, stack: str, *, private: bool) -> Iterator[Site]:
    """The site of that stack, put back to its interface at the end; or a copy of its own, made and taken away."""
    if private:
        with tempfile.TemporaryDirectory(prefix="gateway-bench-site-") as folder:
            copy = Deployment(Path(folder, "gateway"), f"gwbench{os.getpid()}")
            try:
                copy.must_up()
                yield Site.open(copy.folder, copy.stack)
            finally:
                copy.ops("down", "--data", "delete")
        return
    site = Site.open(project, stack)
    before = site.outputs().get("interface")
    if not before:
        raise Missing(f"stack {stack} of {project} serves nothing; way out: make up, or --private")
    try:
        yield site
    finally:
        site.want(before)
        if site.outputs()["interface"] != before:
            site.up()


def default_project() -> Path:
    return ROOT
