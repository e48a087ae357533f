"""``python -m ops advise``: the verdict on a terminal and for programs, and what it says where there is nothing to advise on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from advisor.printing import SHOWN, as_json, as_text
from tests.unit.advising import MakeProject, advised
from tests.unit.conftest import CHANNELS

ROOT = Path(__file__).parents[2]


def run(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "ops", "advise", *args], cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_person_reads_verdict_evidence_and_what_to_mend(project: MakeProject) -> None:
    done = run(str(project({"shop/asgi.py": CHANNELS, "shop/settings.py": "CONN_MAX_AGE = 60\n"})))
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0] == "ASGI (not without a doubt: see below): shop/asgi.py:3 routes WebSockets (Channels): only ASGI has them."
    assert lines[lines.index("Only ASGI can serve") + 1].startswith("  shop/asgi.py:3  routes WebSockets")
    assert lines[lines.index("Mend first") + 1].startswith("  shop/settings.py:1  0 under ASGI")
    assert {line.split()[0] for line in lines[lines.index("What ASGI means here") + 1 :][:5]} == {
        "workers",
        "memory",
        "database",
        "proxy",
        "Redis",
    }


def test_a_program_reads_the_same_as_json(project: MakeProject) -> None:
    told = json.loads(run(str(project({"shop/asgi.py": CHANNELS})), "--json").stdout)
    assert (told["interface"], told["sure"], told["first"], told["unread"]) == ("asgi", True, [], [])
    evidence = told["evidence"][0]
    assert (evidence["file"], evidence["line"], evidence["rule"], evidence["weight"]) == ("shop/asgi.py", 3, "channels", "needs")


def test_a_project_that_gives_its_websockets_up_is_believed(project: MakeProject) -> None:
    root = project({"shop/asgi.py": CHANNELS, "pyproject.toml": '[tool.gateway]\nwebsockets = "optional"\n'})
    assert json.loads(run(str(root), "--json").stdout)["evidence"][0]["weight"] == "gains"


@pytest.mark.parametrize("make", [lambda root: root / "gone", lambda root: root], ids=["no-folder", "no-django"])
def test_a_place_without_a_django_project_is_bad_arguments(tmp_path: Path, make: "object") -> None:
    (tmp_path / "notes.txt").write_text("x")
    done = run(str(make(tmp_path)))  # type: ignore[operator]
    assert done.returncode == 2
    assert done.stderr.endswith("; way out: the folder with manage.py\n")
    assert done.stderr.count("\n") == 1


def test_a_long_list_is_cut_and_json_has_all_of_it(project: MakeProject) -> None:
    calls = "".join(f"def page_{number}(request):\n    return FileResponse(x)\n" for number in range(SHOWN + 3))
    advice = advised(project({"shop/views.py": "from django.http import FileResponse\n" + calls}))
    assert "  and 3 more (--json shows all)" in as_text(advice).splitlines()
    assert len(json.loads(as_json(advice))["evidence"]) == SHOWN + 3


def test_files_that_could_not_be_read_are_listed(project: MakeProject) -> None:
    lines = as_text(advised(project({"shop/old.py": "print 'x'\n"}))).splitlines()
    assert lines[lines.index("Not read") + 1].startswith("  shop/old.py:1  not Python 3")
