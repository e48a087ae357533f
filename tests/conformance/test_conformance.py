"""The embedded engine does what the real CLI was seen to do with the same programs, failures included."""

import json
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from embedded.passphrase import PassphraseCrypter
from embedded.plan import Step
from embedded.stack import EmbeddedStack
from tests.conformance import normal
from tests.conformance.programs import CASES, Case, Round
from tests.conformance.record import file_of, record


class Notes:
    """Steps in the order in which they began."""

    def __init__(self) -> None:
        self.steps: list[list[str]] = []
        self.errors: list[str] = []

    def begun(self, step: Step) -> None:
        if not step.resource.type.startswith("pulumi:providers:"):
            self.steps.append([step.op, normal.short(step.resource.urn)])

    def ended(self, step: Step, seconds: float) -> None:
        pass

    def failed(self, step: Step, seconds: float, message: str) -> None:
        pass

    def error(self, message: str) -> None:
        self.errors.append(message)

    def info(self, message: str) -> None:
        pass


def run(stack: EmbeddedStack, each: Round, log: Path) -> dict[str, Any]:
    """One round on the embedded engine, told like the recorder tells it."""
    log.write_text("")
    notes = Notes()
    if each.kind == "preview":
        outcome = stack.preview(each.program, notes)
    elif each.kind == "up":
        outcome = stack.up(each.program, notes)
    else:
        outcome = stack.destroy(notes, keep_protected=each.kind == "destroy-protected")
    return {
        "kind": each.kind,
        "succeeded": not outcome.errors,
        "steps": notes.steps,
        "ran": log.read_text().splitlines(),
        "state": normal.state(normal.reveal(stack.export()["deployment"])),
    }


@cache
def salt() -> str:
    """One for all stacks: the key is derived once."""
    return PassphraseCrypter(normal.PASSPHRASE).state


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_operations_and_state_are_those_of_the_real_cli(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONFORMANCE_LOG", str(tmp_path / "log"))
    (tmp_path / "Pulumi.yaml").write_text("name: conformance\nruntime: python\n")
    env = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/state", "PULUMI_CONFIG_PASSPHRASE": normal.PASSPHRASE}
    (tmp_path / "Pulumi.test.yaml").write_text(f"encryptionsalt: {salt()}\n")
    recorded = json.loads(file_of(case).read_text())
    stack = EmbeddedStack(tmp_path, env, "test", parallel=1)
    stack.create()
    for each, expected in zip(case.rounds, recorded, strict=True):
        told = normal.ordered(run(stack, each, tmp_path / "log"), case.ordered)
        assert json.loads(json.dumps(told)) == normal.ordered(expected, case.ordered)


SAMPLE = ("delete before replace", "a failed replacement that is taken back", "secrets stay secret")


@pytest.mark.engine
@pytest.mark.parametrize("case", [case for case in CASES if case.name in SAMPLE], ids=lambda case: case.name.replace(" ", "-"))
def test_the_records_are_still_what_this_cli_does(case: Case, tmp_path: Path, pulumi_cli: str) -> None:
    assert record(case, tmp_path) == json.loads(file_of(case).read_text())


def test_every_rule_has_a_record() -> None:
    assert len(CASES) >= 30
    assert len({file_of(case) for case in CASES}) == len(CASES)
    assert shutil.which("sh"), os.environ["PATH"]
