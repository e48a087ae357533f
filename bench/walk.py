"""A random walk over everything that changes a site, with a model beside it of what must be served after each step.

    python -m bench.walk [--steps 100] [--seed 1] [--hosts 2]

A private copy of the project is deployed and taken away again, on Docker or on so many Linux hosts. The model is a line of states
that knows nothing of the project's own code: a change adds one, a rollback takes the last one off, a failed or killed update does
what it must. Load runs all the time. Exit status: 0 the site never differed from the model and no request was lost, 1 otherwise,
3 something is missing.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from bench.linux import linux
from bench.load import Load
from tests import revealing, seven
from tests.deployment import Deployment, kill
from tests.hosting import HostDeployment

LONGEST = 5
"""So many states are gone back over at most: older releases may be gone."""


@dataclass(frozen=True)
class State:
    """What must be served."""

    code: str
    interface: str
    token: str


class Walk:
    """One site and its model."""

    def __init__(self, site: Deployment, seed: int) -> None:
        self.site, self.random = site, random.Random(seed)
        self.line = [State("0", "wsgi", "0")]
        self.standby = self.failed = False
        self.number = 0
        revealing.install(site)
        revealing.code(site, "0")
        seven.requirement(site, "six==1.17.0")
        site.config |= {"drainSeconds": 5, "keepReleases": 20, "health": {"timeout": 60}, "interface": "wsgi"}
        site.write_config()
        self._pulumi("stack", "init")
        self._secret("0")
        self._must(site.again())

    def step(self) -> str:
        """One step, and the comparison; returns what was done. Raises ``AssertionError`` where site and model differ."""
        self.number += 1
        ways: dict[str, Callable[[], None]] = {
            "switch": self._switch,
            "release": self._release,
            "secret": self._new_secret,
            "broken release": self._broken,
            "killed release": self._killed,
            "standby": self._standby,
        }
        if len(self.line) > 1 or self.failed:
            ways |= {"rollback": self._rollback, "rollback again": self._rollback}
        if len(self.line) > 1 and not self.failed:
            ways["killed rollback"] = self._killed_rollback
        name = self.random.choice(list(ways))
        ways[name]()
        self._compare(name)
        return name

    def _compare(self, step: str) -> None:
        outputs, where = self.site.outputs(), f"step {self.number} ({step})"
        for url in self.site.urls:
            told, health = (self.site.tells(path, url) for path in ("/facts/", "/health/"))
            seen = State(told["code"], health["interface"], told["API_TOKEN"])
            assert seen == self.line[-1], f"{where}: {url} serves {seen}, must serve {self.line[-1]}"
            assert outputs["instance"] == health["instance"], f"{where}: the outputs tell another instance than {url}"
        running = self.site.instances()
        assert max(running) <= 1 + self.standby, f"{where}: {running} instances run"

    def _add(self, **changes: str) -> None:
        self.line = [*self.line, replace(self.line[-1], **changes)][-LONGEST:]
        self.failed = False

    def _switch(self) -> None:
        to = "asgi" if self.line[-1].interface == "wsgi" else "wsgi"
        self._pulumi("config", "set", "gateway:interface", to)
        self._must(self.site.again())
        self._add(interface=to)

    def _release(self) -> None:
        revealing.code(self.site, str(self.number))
        self._must(self.site.again())
        self._add(code=str(self.number))

    def _new_secret(self) -> None:
        self._secret(str(self.number))
        self._must(self.site.again())
        self._add(token=str(self.number))

    def _broken(self) -> None:
        """Fails, and the bad line is taken out of the code again."""
        path = self.site.source / "shop/urls.py"
        text = path.read_text()
        path.write_text(f"{text}\nimport nothing_of_that_name_{self.number}\n")
        try:
            assert self.site.again().status == 1
        finally:
            path.write_text(text)
        self.failed = True

    def _killed(self) -> None:
        """kill -9 at a moment of chance; the next ``make up`` finishes it."""
        revealing.code(self.site, str(self.number))
        update = self.site.start(write=False)
        time.sleep(self.random.uniform(1, 12))
        kill(update)
        self._must(self.site.again())
        self._add(code=str(self.number))

    def _killed_rollback(self) -> None:
        """kill -9 at a moment of chance; what the config file says then is what the next ``make up`` brings."""
        path = self.site.config_path
        before = path.read_bytes()
        update = self.site.start(verb="rollback")
        time.sleep(self.random.uniform(1, 12))
        kill(update)
        if path.read_bytes() != before:
            self.line = self.line[:-1]
        self._must(self.site.again())

    def _standby(self) -> None:
        self.standby = not self.standby
        self._pulumi("config", "set", "gateway:standby", str(self.standby).lower())
        self._must(self.site.again())
        self.failed = False

    def _rollback(self) -> None:
        """After a failure that takes only the failure back."""
        self._must(self.site.rollback())
        if not self.failed:
            self.line = self.line[:-1]
        self.failed = False

    def _secret(self, value: str) -> None:
        self._pulumi("config", "set", "--secret", "--path", "gateway:secrets.API_TOKEN", text=value)

    def _pulumi(self, *args: str, text: str | None = None) -> None:
        self._must(self.site.pulumi(*args, text=text))

    def _must(self, result: object) -> None:
        assert getattr(result, "status", 1) == 0, getattr(result, "text", result)


@contextmanager
def site_on(hosts: int) -> Iterator[Deployment]:
    """A copy of the project for Docker, or for so many Linux hosts, and nothing of it left afterwards."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-walk-") as folder, ExitStack() as stack:
        place, name = Path(folder, "gateway"), f"gwwalk{os.getpid()}"
        if hosts:
            found, database = stack.enter_context(linux(hosts, Path(folder)))
            site: Deployment = HostDeployment(place, name, found, database=database.url(name))
            site.config["workers"] = 1
        else:
            site = Deployment(place, name)
        stack.callback(site.remove)
        stack.callback(site.ops, "down", "--data", "delete")
        yield site


@contextmanager
def people(site: Deployment) -> Iterator[list[Load]]:
    """Load at each place where the site serves."""
    with ExitStack() as stack:
        loads = [Load(base_url=url, host=site.domain, rate=30, post_rate=5, slow=1, clients=4) for url in site.urls]
        yield [stack.enter_context(load) for load in loads]


def main() -> int:
    """Walk, and tell each step."""
    parser = argparse.ArgumentParser(prog="python -m bench.walk", description=__doc__)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hosts", type=int, default=0, help="so many Linux hosts; without it Docker")
    args = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    with site_on(args.hosts) as site:
        try:
            walk = Walk(site, args.seed)
            with people(site) as loads:
                for number in range(args.steps):
                    begun = time.monotonic()
                    step = walk.step()
                    lost = sum(load.report.failed for load in loads)
                    console.print(f"{number + 1}: {step}, {time.monotonic() - begun:.1f} s, {lost} requests lost so far")
        except AssertionError as error:
            console.print(str(error))
            return 1
    for load in loads:
        console.print(load.report.summary())
    return 1 if any(load.report.failed or load.report.errors for load in loads) else 0


if __name__ == "__main__":
    sys.exit(main())
