"""What the unit tests share: a good config to spoil, a small Django project on disk, and an engine that only writes down."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from settings import ConfigError, ConfigErrors, Settings, load
from tests.unit.recording import Recording, record

SECRET = "kX9!pQ2#vR7$wT4%yU1^zI6&aO3*sD8(fG5)hJ0-lK_mN+bVcXqWe"
DEV = "dev"

MANAGE = 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n'
CHANNELS = 'application = ProtocolTypeRouter({\n    "http": django,\n    "websocket": chat,\n})\n'
PROJECT = {
    "manage.py": MANAGE,
    "requirements.txt": "Django==5.2\n",
    "shop/__init__.py": "",
    "shop/settings.py": "",
    "shop/wsgi.py": "application = get_wsgi_application()\n",
    "shop/asgi.py": "application = get_asgi_application()\n",
}


@pytest.fixture(autouse=True)
def _outputs_in_texts_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_ERROR_OUTPUT_STRING", "true")
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def config(**changes: Any) -> dict[str, Any]:
    """A config as Pulumi hands it over, with ``changes`` to it: maps and lists as JSON text, None takes a key away."""
    values = {"app": {"name": "shop", "source": "."}, "secrets": {"SECRET_KEY": SECRET}, **changes}
    return {
        f"gateway:{key}": json.dumps(value) if isinstance(value, dict | list) else value
        for key, value in values.items()
        if value is not None
    }


def settings_of(stack: str = "prod", **changes: Any) -> Settings:
    return load(config(**changes), stack)


def errors_of(stack: str = "prod", **changes: Any) -> list[ConfigError]:
    """What the person reads about a spoilt config."""
    with pytest.raises(ConfigErrors) as caught:
        load(config(**changes), stack)
    assert caught.value.errors, "an error without words"
    return caught.value.errors


def error_of(stack: str = "prod", **changes: Any) -> ConfigError:
    """The only thing that the person reads about a spoilt config."""
    errors = errors_of(stack, **changes)
    assert len(errors) == 1, "\n".join(map(str, errors))
    return errors[0]


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Makes a small Django project; keyword ``without`` leaves files out, the map adds or changes some."""

    def make(files: dict[str, str] | None = None, without: tuple[str, ...] = ()) -> Path:
        wanted = {name: text for name, text in {**PROJECT, **(files or {})}.items() if name not in without}
        return write(tmp_path / "project", wanted)

    return make


@pytest.fixture
def git(tmp_path: Path) -> Callable[..., str]:
    """Runs git in a repository of its own, ``tmp_path/work``, untouched by the configuration of this machine."""
    work = tmp_path / "work"
    work.mkdir()
    me = {f"GIT_{who}_{what}": "test@test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**os.environ, **me, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def run(*args: str) -> str:
        done = subprocess.run(["git", *args], cwd=work, env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    run("init", "--quiet", "--initial-branch=main")
    return run


@pytest.fixture(params=[False, True], ids=["update", "preview"])
def recorded(request: pytest.FixtureRequest) -> Callable[[Callable[[], object]], Recording]:
    """Runs a program against the recording engine, once as an update and once as a preview."""
    return lambda program: record(program, request.param)
