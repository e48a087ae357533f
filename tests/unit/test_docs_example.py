"""docs/examples/alone is a program that runs, with the defaults that its own Pulumi.yaml gives."""

import runpy
from pathlib import Path

import pulumi
import pytest
import yaml

from tests.unit.conftest import SECRET
from tests.unit.recording import Recording, record
from tests.unit.sites import without_ids

FOLDER = Path(__file__).parents[2] / "docs/examples/alone"
DECLARED = yaml.safe_load((FOLDER / "Pulumi.yaml").read_text())


def run(monkeypatch: pytest.MonkeyPatch, preview: bool = False, **config: str) -> Recording:
    monkeypatch.chdir(FOLDER)
    defaults = {key: declared["default"] for key, declared in DECLARED["config"].items()}
    given = {f"gateway:{key}": value for key, value in {**defaults, "secretKey": SECRET, **config}.items()}

    def program() -> object:
        pulumi.runtime.set_all_config(given, ["gateway:secretKey"])
        module = runpy.run_path(str(FOLDER / "__main__.py"))
        return {"url": module["proxy"].url, "serving": module["traffic"].result}

    return record(program, preview)


def test_it_serves_the_example_project(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = run(monkeypatch)
    assert recording.kept["url"] == "http://localhost:8090/"
    assert recording.kept["serving"]["server"] == "gunicorn"
    assert recording.step("release").request["source"] == "../../../examples/shop"
    assert "Container bookshop-postgres" in recording.before(recording.key("start"))
    assert recording.key("task", holding="collectstatic") in recording.before(recording.key("start"))
    assert recording.key("start") in recording.before(recording.key("switch"))


def test_it_can_be_previewed(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = run(monkeypatch, preview=True)
    assert without_ids(set(recording.kind("Command")))[:3] == [
        "app-<id>",
        "bookshop-image-nginx-stable",
        "bookshop-image-postgres-17",
    ]


def test_its_one_switch_makes_another_instance_of_the_same_release(monkeypatch: pytest.MonkeyPatch) -> None:
    wsgi, asgi = run(monkeypatch), run(monkeypatch, interface="asgi")
    assert asgi.kept["serving"]["server"] == "uvicorn"
    assert asgi.step("start").name != wsgi.step("start").name
    assert asgi.step("release").name == wsgi.step("release").name


def test_it_is_short_enough_to_be_read_at_once() -> None:
    code = [
        line
        for line in (FOLDER / "__main__.py").read_text().splitlines()
        if line and not line.startswith(("#", "from", "import"))
    ]
    assert len(code) < 50
