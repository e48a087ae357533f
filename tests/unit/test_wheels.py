"""Dependencies that are brought along when a container has no way to the package index."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import DockerException

from targets.common import wheels
from targets.common.errors import AgentError
from targets.docker.agent import pythons

HERE = ".".join(map(str, sys.version_info[:3]))


class Tools:
    """Stands for pip and uv: writes down how they are called, and answers as it is told."""

    def __init__(self, **status: int) -> None:
        self.calls: list[list[str]] = []
        self.status = status
        self.stderr = "WARNING: x\nERROR: No matching distribution found for nosuch\n"

    def run(self, command: list[str], **_: Any) -> "subprocess.CompletedProcess[str]":
        words = command[command.index("pip") + 1 :]
        words = [word for word in words if word not in ("--quiet", "--disable-pip-version-check")]
        self.calls.append(words)
        return subprocess.CompletedProcess(command, self.status.get(words[0], 0), "", self.stderr)

    @property
    def verbs(self) -> list[str]:
        return [words[0] for words in self.calls]


def tools(monkeypatch: pytest.MonkeyPatch, **status: int) -> Tools:
    made = Tools(**status)
    monkeypatch.setattr(wheels.subprocess, "run", made.run)  # type: ignore[attr-defined]
    return made


def test_wheels_are_resolved_and_fetched_for_the_python_of_the_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    called = tools(monkeypatch)
    wheels.bring(tmp_path / "wheels", [tmp_path / "requirements.txt"], "3.12.4", "aarch64")
    assert called.verbs == ["config", "compile", "download"]
    compile_, download = called.calls[1:]
    assert compile_[compile_.index("--python-version") + 1] == "3.12.4"
    assert compile_[compile_.index("--python-platform") + 1] == "aarch64-manylinux_2_28"
    assert {"--python-version=3.12", "--abi=cp312", "--platform=manylinux2014_aarch64", "--no-deps"} <= set(download)
    assert download[-1] == str(tmp_path / "wheels/pinned.txt")


def test_a_package_without_a_wheel_is_built_here_when_the_python_is_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called = tools(monkeypatch, download=1)
    wheels.bring(tmp_path, [], HERE, "x86_64")
    assert called.verbs[-2:] == ["download", "wheel"]


def test_a_package_without_a_wheel_for_another_python_is_told_in_pips_own_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called = tools(monkeypatch, download=1)
    with pytest.raises(AgentError, match="cannot be fetched: ERROR: No matching distribution found for nosuch"):
        wheels.bring(tmp_path, [], "3.5.1", "x86_64")
    assert "wheel" not in called.verbs


def test_requirements_that_contradict_each_other_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tools(monkeypatch, compile=1).stderr = "  × No solution found\n  ╰─▶ Because a and b\n      are incompatible\n"
    with pytest.raises(AgentError) as caught:
        wheels.bring(tmp_path, [], "3.12.4", "x86_64")
    assert str(caught.value) == (
        "the dependencies cannot be resolved for Python 3.12.4: No solution found Because a and b are incompatible"
    )


def client(answer: Any) -> Any:
    def run(*_: Any, **__: Any) -> bytes:
        if isinstance(answer, Exception):
            raise answer
        return bytes(answer)

    return SimpleNamespace(containers=SimpleNamespace(run=run))


def test_a_container_that_reaches_the_index_needs_no_wheels() -> None:
    assert pythons.container_reaches_index(client(b""), "shop", "base")
    assert not pythons.container_reaches_index(client(DockerException("exit status 1")), "shop", "base")


def test_python_and_machine_are_those_of_the_image() -> None:
    assert pythons.python_of(client(b"3.11.2 x86_64\n"), "shop", "base") == ("3.11.2", "x86_64")
