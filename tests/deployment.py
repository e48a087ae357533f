"""A deployment of its own for a test: a copy of the project in a temporary folder, its own state, site name and port."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
import yaml
from docker.errors import DockerException

from embedded.stack import EmbeddedStack
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
PARTS = (
    "__main__.py",
    "Pulumi.yaml",
    "advisor",
    "components",
    "embedded",
    "ops",
    "rendering",
    "settings",
    "targets",
    "templates",
    "examples",
)
KEY = "a-test-key-with-many-characters-and-no-meaning-0123456789"


@dataclass(frozen=True)
class Result:
    """How a command ended: status, what it printed, how long it took in seconds."""

    status: int
    out: str
    err: str
    seconds: float

    @property
    def text(self) -> str:
        return self.out + self.err


class Deployment:
    """One stack ``dev`` of one copy of the project, on the Pulumi CLI or on the embedded engine."""

    def __init__(
        self,
        folder: Path,
        app: str,
        *,
        stack: str = "dev",
        env: dict[str, str] | None = None,
        address: str = "127.0.0.1",
        kind: str = "pulumi",
    ) -> None:
        self.folder, self.app, self.stack, self.address, self.kind = folder, app, stack, address, kind
        self.port, self.domain = free_port(), "localhost"
        folder.mkdir(parents=True)
        ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=ignore)
            else:
                shutil.copy(ROOT / part, folder / part)
        (folder / ".venv").symlink_to(Path(sys.prefix))
        unwanted = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PYTHONPATH")
        kept = {key: value for key, value in os.environ.items() if key not in unwanted}
        forced = {"ENGINE": kind} if kind == "embedded" else {}
        self.env = {**kept, "NO_COLOR": "1", "COLUMNS": "200", **forced, **(env or {})}
        self.config: dict[str, Any] = {
            "app": {"name": app, "source": "examples/shop"},
            "interface": "wsgi",
            "httpPort": self.port,
            "listenAddress": "127.0.0.1",
            "drainSeconds": 8,
            "health": {"timeout": 10},
            "services": {"postgres": True, "redis": True},
        }
        self._secrets = False

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def urls(self) -> list[str]:
        """Where it serves, each place of its own."""
        return [self.url]

    def instances(self) -> list[int]:
        """How many instances there are, at each of ``urls``."""
        return [len(self.containers("instance"))]

    @property
    def config_path(self) -> Path:
        """The stack's config file."""
        return self.folder / f"Pulumi.{self.stack}.yaml"

    @property
    def source(self) -> Path:
        """The example project's files in this copy."""
        return self.folder / "examples/shop"

    def write_config(self) -> None:
        """``Pulumi.<stack>.yaml`` from ``config``; what the CLI has put there itself (salt, secrets) stays."""
        path = self.config_path
        present = yaml.safe_load(path.read_text()) if path.exists() else {}
        secrets = (present.get("config") or {}).get("gateway:secrets", {})
        made = {"gateway:secrets": {name: value for name, value in secrets.items() if isinstance(value, dict)}}
        wanted = {f"gateway:{key}": value for key, value in self.config.items()}
        path.write_text(yaml.safe_dump({**present, "config": {**made, **wanted}}))

    def run(self, *command: str, text: str | None = None, timeout: float = 600) -> Result:
        """A command in the deployment's folder."""
        begun = time.monotonic()
        done = subprocess.run(
            command, cwd=self.folder, env=self.env, input=text, capture_output=True, text=True, timeout=timeout, check=False
        )
        return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - begun)

    def ops(self, verb: str, *args: str) -> Result:
        """``python -m ops <verb>``: what ``make <verb>`` runs."""
        if verb in ("up", "preview"):
            self.write_config()
        return self.run(str(self.folder / ".venv/bin/python"), "-m", "ops", verb, *args, *self._stack(verb))

    def _stack(self, verb: str) -> tuple[str, ...]:
        return () if verb == "env" else ("--stack", self.stack)

    def up(self, **config: Any) -> Result:
        """``make up`` after these config changes; asserts nothing."""
        self.config.update(config)
        return self.ops("up")

    def again(self, *args: str) -> Result:
        """``make up`` with the config file as it is, whoever wrote it."""
        return self.run(str(self.folder / ".venv/bin/python"), "-m", "ops", "up", *args, *self._stack("up"))

    def rollback(self, to: int | None = None, *args: str) -> Result:
        """``make rollback [TO=]``."""
        return self.ops("rollback", *(("--to", str(to)) if to else ()), *args)

    def must_rollback(self, to: int | None = None, *args: str) -> Result:
        """``make rollback`` that has to succeed."""
        result = self.rollback(to, *args)
        assert result.status == 0, result.text
        return result

    def file_config(self) -> dict[str, Any]:
        """What the config file says now, without the namespace."""
        text = self.config_path.read_text()
        return {key.removeprefix("gateway:"): value for key, value in yaml.safe_load(text)["config"].items()}

    def updates(self) -> int:
        """How many updates the stack's history has."""
        if self.kind == "embedded":
            return len(self.embedded.history())
        return len(json.loads(self.pulumi("stack", "history", "--json", "--page-size", "1000").out))

    def would_change(self) -> str:
        """What an update with the config file as it is would do; '' for nothing."""
        if self.kind == "pulumi":
            done = self.pulumi("preview", "--expect-no-changes")
            return "" if done.status == 0 else done.text
        done = self.run(str(self.folder / ".venv/bin/python"), "-m", "ops", "preview", "--stack", self.stack)
        return "" if "nothing to do" in done.out else done.text

    def must_up(self, **config: Any) -> Result:
        """``make up`` that has to succeed."""
        result = self.up(**config)
        assert result.status == 0, result.text
        return result

    def pulumi(self, *args: str, text: str | None = None) -> Result:
        """Plain ``pulumi``, with the environment that ``python -m ops env`` prints."""
        self.learn()
        return self.run("pulumi", *args, "--stack", self.stack, "--non-interactive", "--color", "never", text=text)

    def on(self, kind: str) -> "Deployment":
        """From now on with this engine."""
        self.kind = kind
        self.env["ENGINE"] = kind
        return self

    def learn(self) -> None:
        """The environment that plain tools need."""
        if "PULUMI_BACKEND_URL" not in self.env:
            self.env.update(re.findall(r"^export (\w+)='?([^'\n]*)'?$", self.ops("env").out, re.MULTILINE))

    @property
    def embedded(self) -> EmbeddedStack:
        """The stack on the embedded engine, in this process: to look at."""
        self.learn()
        return EmbeddedStack(self.folder, self.env, self.stack)

    def set_secret(self, path: str, value: str) -> None:
        """``pulumi config set --secret --path``, or what stands for it without a CLI."""
        arguments = ("config", "set", "--secret", "--path", path)
        done = self.pulumi(*arguments, text=value) if self.kind == "pulumi" else self._without_cli(*arguments, text=value)
        assert done.status == 0, done.text

    def _without_cli(self, *args: str, text: str | None = None) -> Result:
        python = str(self.folder / ".venv/bin/python")
        return self.run(python, "-m", "ops", *args, "--stack", self.stack, text=text)

    def preview(self) -> Result:
        """Plain ``pulumi preview``, or ``make preview`` without a CLI."""
        return self.pulumi("preview") if self.kind == "pulumi" else self.ops("preview")

    def plain_up(self) -> Result:
        """Plain ``pulumi up``, or ``make up`` without a CLI."""
        self.write_config()
        return self.pulumi("up", "--yes", "--skip-preview") if self.kind == "pulumi" else self.ops("up")

    def init(self) -> None:
        """Make the stack without bringing it up."""
        self.write_config()
        if self.kind == "pulumi":
            assert self.pulumi("stack", "init").status == 0
        else:
            self.embedded.create()

    def start(self, *args: str, verb: str = "up", write: bool = True) -> "subprocess.Popen[str]":
        """``make up`` or another verb in the background, in a process group of its own; ``write`` the config first for ``up``."""
        if verb == "up" and write:
            self.write_config()
        command = [str(self.folder / ".venv/bin/python"), "-m", "ops", verb, "--stack", self.stack, *args]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def outputs(self) -> dict[str, Any]:
        """``pulumi stack output``."""
        if self.kind == "embedded":
            return self.embedded.outputs()
        found: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json").out)
        return found

    def state(self) -> str:
        """The whole state as text, secrets encrypted."""
        return json.dumps(self.embedded.export()) if self.kind == "embedded" else self.pulumi("stack", "export").out

    def health(self, **headers: str) -> dict[str, str]:
        """Who serves, as the site itself says."""
        return self.tells("/health/", **headers)

    def tells(self, path: str, url: str = "", **headers: str) -> dict[str, str]:
        """What a page of the site says in JSON, at one of ``urls`` or at the first."""
        answer = httpx.get((url or self.url) + path, headers={"Host": self.domain, **headers}, timeout=15)
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:300]}"
        told: dict[str, str] = answer.json()
        return told

    def containers(self, role: str | None = None) -> dict[str, str]:
        """Name -> status of this site's containers."""
        labels = [f"gateway.app={self.app}", *([f"gateway.role={role}"] if role else [])]
        found = self.docker.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
        return {str(container.name): container.status for container in found}

    @property
    def docker(self) -> docker.DockerClient:
        environment = {**os.environ, **{key: value for key, value in self.env.items() if key == "DOCKER_HOST"}}
        return docker.from_env(environment=environment)

    def client(self) -> httpx.Client:
        """A browser of the site."""
        return httpx.Client(base_url=self.url, headers={"Host": self.domain}, timeout=15)

    def remove(self) -> None:
        """Leave nothing on the engine, whatever state the test left it in."""
        with contextlib.suppress(DockerException):  # a private engine that has been stopped has nothing left
            remove_site(self.docker, self.app)


def remove_site(engine: docker.DockerClient, app: str) -> None:
    """Everything on the engine that is labelled with the site's name, and its images."""
    mine: dict[str, str | list[str] | bool] = {"label": f"gateway.app={app}"}
    for container in engine.containers.list(all=True, filters=mine, ignore_removed=True):
        container.remove(force=True, v=True)
    for volume in engine.volumes.list(filters=mine):
        volume.remove(force=True)
    for network in engine.networks.list(filters=mine):
        network.remove()
    for repository in (f"gateway/{app}", f"gateway/{app}-served"):
        for image in engine.images.list(name=repository):
            for tag in image.tags:
                engine.images.remove(tag, force=True)


def kill(command: "subprocess.Popen[str]") -> None:
    """kill -9 for the command and the engine; what they had started goes on or not, as it would."""
    os.killpg(command.pid, signal.SIGKILL)
    command.wait()


def eventually(condition: Callable[[], bool], seconds: float = 20, what: str = "") -> None:
    """Wait for a condition; the assertion names it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what or condition}")
