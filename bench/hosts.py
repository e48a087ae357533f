"""The embedded engine with many hosts, its drivers stubbed: what the engine itself costs."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pulumi
from pulumi_command import remote

from embedded.drivers.base import Driver, Values
from embedded.plan import Step
from embedded.stack import EmbeddedStack

STEPS = ("release", "env", "check", "migrate", "collectstatic", "start", "switch")


class Stub(Driver):
    """Does nothing, at once."""

    def create(self, name: str, inputs: Values) -> tuple[str, Values]:
        return f"{name}-id", {**inputs, "stdout": "done", "stderr": ""}

    def update(self, id_: str, old_outputs: Values, inputs: Values) -> Values:
        return {**inputs, "stdout": "done", "stderr": ""}

    def delete(self, id_: str, inputs: Values, outputs: Values) -> None:
        pass


class Quiet:
    """Nobody listens; failures are raised."""

    def begun(self, step: Step) -> None:
        pass

    def ended(self, step: Step, seconds: float) -> None:
        pass

    def failed(self, step: Step, seconds: float, message: str) -> None:
        pass

    def info(self, message: str) -> None:
        pass

    def error(self, message: str) -> None:
        raise RuntimeError(message)


class Host(pulumi.ComponentResource):
    """The steps of an update on one host, one after the other, with a secret key and an env on standard input."""

    def __init__(self, number: int) -> None:
        super().__init__("bench:index:Host", f"host-{number}")
        key = pulumi.Output.secret(f"key of {number}")
        connection = remote.ConnectionArgs(host=f"10.0.0.{number}", private_key=key, host_key="ssh-ed25519 AAAA")
        before: list[pulumi.Resource] = []
        for step in STEPS:
            opts = pulumi.ResourceOptions(parent=self, depends_on=before)
            before = [remote.Command(f"{step}-{number}", connection=connection, create=step, stdin=key, opts=opts)]
        self.register_outputs({})


def program(hosts: int) -> Callable[[], object]:
    """``hosts`` times seven remote commands."""
    return lambda: [Host(number) for number in range(hosts)]


def no_op_seconds(hosts: int) -> float:
    """How long an update takes that has nothing to do."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-hosts-") as folder:
        Path(folder, "Pulumi.yaml").write_text("name: hosts\nruntime: python\n")
        env = {"PULUMI_BACKEND_URL": f"file://{folder}/state", "PULUMI_CONFIG_PASSPHRASE": "bench"}
        before = Path.cwd()
        os.chdir(folder)
        try:
            stack = EmbeddedStack(Path(folder), env, "bench", driver=lambda type_: Stub())
            stack.create()
            made = stack.up(program(hosts), Quiet())
            begun = time.monotonic()
            done = stack.up(program(hosts), Quiet())
            seconds = time.monotonic() - begun
        finally:
            os.chdir(before)
    if done.changes != {"same": sum(made.changes.values())}:
        raise RuntimeError(f"an update had something to do: {done.changes}")
    return seconds
