"""The site's own components and agent on a real Docker engine, without the Pulumi CLI.

The Pulumi SDK runs a program against a monitor in process (its mocks). Here the monitor carries the steps out, in the order that
the SDK finds from dependencies: Commands as subprocesses, Docker resources through the Docker SDK. It creates and never deletes;
what the real engine adds is tested in tests/engine.
"""

import contextlib
import subprocess
from typing import Any

import docker
import pulumi
from docker.errors import NotFound
from pulumi.runtime import mocks, stack

from components.site import DjangoSite, DjangoSiteArgs
from settings import load
from settings.plan import plan
from targets.docker import DockerTarget
from targets.observation import Observation


class StepFailed(Exception):
    """A step's own message."""


class _Monitor(mocks.Mocks):
    def __init__(self, engine: docker.DockerClient, done: dict[str, dict[str, Any]]) -> None:
        self.engine, self.done, self.failure = engine, done, ""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        key = f"{args.typ}::{args.name}"
        if key not in self.done:
            make = {
                "command:local:Command": self._command,
                "docker:index/volume:Volume": self._volume,
                "docker:index/network:Network": self._network,
                "docker:index/container:Container": self._container,
            }.get(args.typ)
            self.done[key] = make(args.inputs) if make else {}
        return f"{args.name}-id", {**args.inputs, **self.done[key]}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None

    def _command(self, inputs: dict[str, Any]) -> dict[str, Any]:
        stdin = inputs["stdin"]
        text = stdin["value"] if isinstance(stdin, dict) else stdin
        run = subprocess.run([*inputs["interpreter"], inputs["create"]], input=text, capture_output=True, text=True, check=False)
        if run.returncode:
            self.failure = self.failure or run.stderr
            raise StepFailed(run.stderr)
        return {"stdout": run.stdout.strip()}

    def _volume(self, inputs: dict[str, Any]) -> dict[str, Any]:
        self.engine.volumes.create(inputs["name"], labels={row["label"]: row["value"] for row in inputs["labels"]})
        return {}

    def _network(self, inputs: dict[str, Any]) -> dict[str, Any]:
        labels = {row["label"]: row["value"] for row in inputs["labels"]}
        self.engine.networks.create(inputs["name"], labels=labels)
        return {}

    def _container(self, inputs: dict[str, Any]) -> dict[str, Any]:
        with contextlib.suppress(NotFound):
            self.engine.containers.get(inputs["name"]).remove(force=True)
        ports = {f"{int(row['internal'])}/tcp": (row["ip"], int(row["external"])) for row in inputs.get("ports", [])}
        volumes = [
            f"{row['volumeName']}:{row['containerPath']}{':ro' if row.get('readOnly') else ''}" for row in inputs["volumes"]
        ]
        self.engine.containers.run(
            inputs["image"],
            inputs["command"],
            name=inputs["name"],
            detach=True,
            entrypoint=inputs.get("entrypoints"),
            environment=inputs.get("envs"),
            volumes=volumes,
            ports=ports,
            network=inputs["networkMode"],
            labels={row["label"]: row["value"] for row in inputs["labels"]},
        )
        return {}


class InProcessSite:
    """One site, brought up step by step in this process."""

    def __init__(self, app: str, port: int, engine: docker.DockerClient) -> None:
        self.app, self.port, self.engine = app, port, engine
        self._done: dict[str, dict[str, Any]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self, config: dict[str, Any]) -> dict[str, str]:
        """Run the program with this config; returns what serves. Raises ``StepFailed`` with the first step's message."""
        settings = load({f"gateway:{key}": value for key, value in config.items()}, "dev")
        monitor = _Monitor(self.engine, self._done)
        mocks.set_mocks(monitor, project="gateway", stack="dev")
        serving: dict[str, str] = {}

        async def program() -> None:
            services = {key: value for key, value in settings.services if value is not None}
            target = DockerTarget(self.app, owner="gateway/dev", services=services)
            site = DjangoSite(self.app, DjangoSiteArgs(plan=plan(settings), target=target, observed=Observation()))
            site.outputs.apply(lambda told: serving.update({key: str(value) for key, value in told.items()}))

        # The link has one name; the switch must run for each instance.
        for name in (f"{self.app}-traffic-live", f"{self.app}-nginx-conf"):
            self._done.pop(f"command:local:Command::{name}", None)
        try:
            pulumi.runtime.sync_await._sync_await(stack.run_pulumi_func(program))
        except Exception as error:
            raise StepFailed(monitor.failure or str(error)) from error
        return serving
