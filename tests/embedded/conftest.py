"""A stack in a temporary folder, and somebody who listens."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest

from embedded.passphrase import PassphraseCrypter
from embedded.plan import Step
from embedded.stack import EmbeddedStack

PASSPHRASE = "right"
PROJECT = "name: small\nruntime: python\n"


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.begins: list[str] = []
        self.errors: list[str] = []
        self.infos: list[str] = []

    def begun(self, step: Step) -> None:
        self.begins.append(f"{step.op} {step.resource.name}")

    def ended(self, step: Step, seconds: float) -> None:
        pass

    def failed(self, step: Step, seconds: float, message: str) -> None:
        pass

    def error(self, message: str) -> None:
        self.errors.append(message)

    def info(self, message: str) -> None:
        self.infos.append(message)


@cache
def salt() -> str:
    """One for all stacks of the tests: the key is derived once."""
    return PassphraseCrypter(PASSPHRASE).state


def write_config(text: str) -> None:
    """``Pulumi.test.yaml`` in the working folder, with a salt."""
    Path("Pulumi.test.yaml").write_text(f"{text}encryptionsalt: {salt()}\n")


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def make_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., EmbeddedStack]:
    """Makes the stack ``test`` of a project; the same again on another call."""

    def make(project: str = PROJECT, passphrase: str = PASSPHRASE, env: Mapping[str, str] | None = None) -> EmbeddedStack:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "Pulumi.yaml").write_text(project)
        if not (tmp_path / "Pulumi.test.yaml").exists():
            write_config("")
        given = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/state", "PULUMI_CONFIG_PASSPHRASE": passphrase, **(env or {})}
        return EmbeddedStack(tmp_path, given, "test")

    return make
