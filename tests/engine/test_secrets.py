"""Any value survives on its way to the app, and no secret is seen anywhere on it."""

import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from targets.docker.agent.engine import run_in
from tests.deployment import Deployment

NASTY = {
    "QUOTES": """it's "quoted" `twice`""",
    "DOLLAR": "$HOME-of-f00d ${PATH} $$ $(id)",
    "HASH": "value-of-f00d # not a comment",
    "NEWLINES": "first-of-f00d\nsecond\n\nlast\n",
    "SPACES": "  two before and two after  ",
    "UNICODE": "žluťoučký kůň 🐎",
    "BACKSLASH": r"C:\new\table\\",
}


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    site = deploy("secretive")
    site.init()
    return site


def test_no_secret_is_seen_in_processes_logs_state_images_or_inspection(site: Deployment) -> None:
    view = site.source / "store/views/reveal.py"
    view.write_text(REVEAL)
    urls = site.source / "shop/urls.py"
    urls.write_text(urls.read_text() + URL)
    for name, value in NASTY.items():
        site.set_secret(f"gateway:secrets.{name}", value)
    watch = Watch(list(NASTY.values()))
    with watch:
        result = site.must_up()
    assert watch.seen == set()

    arrived = site.client().get("/reveal/").json()
    # `pulumi config set` from standard input drops one newline at the end, as a shell's $(...) does
    assert {k: v.rstrip("\n") for k, v in arrived.items()} == {k: v.rstrip("\n") for k, v in NASTY.items()}

    places = {"output": result.text, "state": site.state(), **_on_disk(site), **_in_docker(site)}
    for where, text in places.items():
        for name, value in NASTY.items():
            for part in (value, json.dumps(value)[1:-1]):
                assert part not in text, f"{name} is in {where}"


def test_the_env_file_is_for_root_and_the_group_of_the_app_only(site: Deployment) -> None:
    container = site.docker.containers.get(f"{site.app}-{site.health()['instance']}")
    _, listed = run_in(container, "sh", "-c", "stat -c '%a %u %g' /etc/gateway/env/*.env")
    assert set(listed.splitlines()) == {"640 0 10001"}


def _on_disk(site: Deployment) -> dict[str, str]:
    """Everything that the deployment left in its folder, but for the passphrase and the app's own files."""
    files = [
        path
        for path in Path(site.folder).rglob("*")
        if path.is_file() and ".venv" not in path.parts and path.name != "passphrase"
    ]
    return {str(path): path.read_text(errors="replace") for path in files}


def _in_docker(site: Deployment) -> dict[str, str]:
    found = {}
    for name in site.containers():
        container = site.docker.containers.get(name)
        found[f"inspection of {name}"] = json.dumps(container.attrs, ensure_ascii=False)
        found[f"log of {name}"] = container.logs().decode(errors="replace")
    for image in site.docker.images.list(name=f"gateway/{site.app}"):
        found[f"history of {image.id}"] = json.dumps(image.history(), ensure_ascii=False)
    return found


class Watch:
    """Looks at every process's command line and environment again and again while something runs."""

    def __init__(self, values: list[str]) -> None:
        self.values, self.seen, self._stop = values, set[str](), threading.Event()

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            listed = subprocess.run(["ps", "-eo", "args", "-ww"], capture_output=True, text=True, check=False).stdout
            self.seen |= {value for value in self.values if value.strip() and value.splitlines()[0] in listed}
            time.sleep(0.02)


REVEAL = f"""
import os

from django.http import JsonResponse


def reveal(request):
    return JsonResponse({{name: os.environ[name] for name in {sorted(NASTY)!r}}})
"""
URL = """
from django.urls import path as _path

from store.views.reveal import reveal as _reveal

urlpatterns += [_path("reveal/", _reveal)]
"""
