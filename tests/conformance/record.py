"""Writes what the real CLI does with the programs: ``python -m tests.conformance.record [words of a case's name | missing]``."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.conformance import normal
from tests.conformance.programs import CASES, Case, Round

ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(__file__).with_name("recorded")
MAIN = """\
import os, sys
sys.path.insert(0, {root!r})
from tests.conformance.programs import CASES
case = next(case for case in CASES if case.name == os.environ["CONFORMANCE_CASE"])
case.rounds[int(os.environ["CONFORMANCE_ROUND"])].program()
"""
PROJECT = "name: conformance\nruntime:\n  name: python\n  options:\n    virtualenv: {venv}\n"
VERBS = {
    "up": ("up", "--yes", "--skip-preview"),
    "preview": ("preview",),
    "destroy": ("destroy", "--yes", "--skip-preview"),
    "destroy-protected": ("destroy", "--yes", "--skip-preview", "--exclude-protected"),
}


def file_of(case: Case) -> Path:
    """Where a case is recorded."""
    return RECORDED / f"{case.name.replace(' ', '-').replace(',', '')}.json"


def record(case: Case, folder: Path) -> list[dict[str, Any]]:
    """Run every round of the case on the CLI."""
    (folder / "__main__.py").write_text(MAIN.format(root=str(ROOT)))
    (folder / "Pulumi.yaml").write_text(PROJECT.format(venv=sys.prefix))
    (folder / "state").mkdir()
    env = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{folder}/state",
        "PULUMI_CONFIG_PASSPHRASE": normal.PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DEBUG_COMMANDS": "true",
        "CONFORMANCE_CASE": case.name,
        "CONFORMANCE_LOG": str(folder / "log"),
    }
    _pulumi(folder, env, "stack", "init", "test")
    return [normal.ordered(_round(folder, env, number, each), case.ordered) for number, each in enumerate(case.rounds)]


def _round(folder: Path, env: dict[str, str], number: int, each: Round) -> dict[str, Any]:
    events, log = folder / f"events-{number}", folder / "log"
    log.write_text("")
    done = _pulumi(
        folder,
        {**env, "CONFORMANCE_ROUND": str(number)},
        *VERBS[each.kind],
        "--parallel=1",
        f"--event-log={events}",
        check=False,
    )
    if not events.exists():
        raise SystemExit(f"pulumi {each.kind} did not begin: {done.stderr}{done.stdout}")
    steps = [json.loads(line) for line in events.read_text().splitlines()]
    metadata = [event["resourcePreEvent"]["metadata"] for event in steps if "resourcePreEvent" in event]
    exported = json.loads(_pulumi(folder, env, "stack", "export").stdout)["deployment"]
    return {
        "kind": each.kind,
        "succeeded": done.returncode == 0,
        "steps": [[one["op"], normal.short(one["urn"])] for one in metadata if "pulumi:providers:" not in one["urn"]],
        "ran": log.read_text().splitlines(),
        "state": normal.state(normal.reveal(exported)),
    }


def _pulumi(folder: Path, env: dict[str, str], *args: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    command = ["pulumi", *args, *(() if args[:2] == ("stack", "init") else ("--stack=test",)), "--non-interactive"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=check)


def main(words: str) -> None:
    """Record every case whose name has ``words``."""
    RECORDED.mkdir(exist_ok=True)
    for case in CASES:
        if words in case.name or (words == "missing" and not file_of(case).exists()):
            with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
                rounds = record(case, Path(folder))
            file_of(case).write_text(json.dumps(rounds, indent=1, sort_keys=True) + "\n")
            print(f"{case.name}: {', '.join('done' if each['succeeded'] else 'failed' for each in rounds)}", flush=True)


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
