"""``__main__.py`` itself: it exports what serves, and a mistake in the config stops it before any resource."""

import json
import runpy
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from tests.unit.conftest import SECRET, config
from tests.unit.recording import Recording, record

PROGRAM = str(Path(__file__).parents[2] / "__main__.py")
Run = Callable[..., Recording]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, project: Callable[..., Path]) -> Run:
    """Runs the program with a config, on a machine where no Docker engine answers."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(["gateway:secrets"]))
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
    defaults = {"app": {"name": "shop", "source": str(project())}, "httpPort": port, "listenAddress": "127.0.0.1"}

    def run(preview: bool = False, **changes: Any) -> Recording:
        exported: dict[str, Any] = {}
        monkeypatch.setattr(pulumi, "export", exported.__setitem__)

        def program() -> object:
            pulumi.runtime.set_all_config(config(**{**defaults, **changes}))
            runpy.run_path(PROGRAM)
            return exported

        return record(program, preview)

    return run


def test_it_exports_what_serves(run: Run) -> None:
    assert list(run().kept) == ["url", "interface", "server", "release", "instance", "previous", "hosts"]
    assert run(interface="asgi").kept["server"] == "uvicorn"


def test_a_preview_of_a_site_that_never_served_works(run: Run) -> None:
    assert "DjangoSite shop" in run(preview=True).resources


def test_its_resources_belong_to_project_and_stack(run: Run) -> None:
    assert run().step("prepare").request["owner"] == "gateway/test"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"server": "daphne"}, "config gateway:server: got 'daphne' with interface 'wsgi'; takes gunicorn"),
        ({"app": {"name": "shop", "source": "/gone"}}, "config gateway:app.source: got '/gone'"),
        ({"secrets": {"SECRET_KEY": SECRET, "A-B": "x"}}, "config gateway:secrets.A-B: got"),
    ],
)
def test_a_mistake_is_one_line_and_no_traceback_and_nothing_was_made(
    run: Run, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str
) -> None:
    made: list[str] = []
    monkeypatch.setattr(pulumi.ComponentResource, "__init__", lambda *args, **_: made.append(args[1]))
    with pytest.raises(pulumi.RunError) as caught:
        run(**changes)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
    assert made == []
