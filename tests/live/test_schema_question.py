"""Does a kept release know the schema? Asked while a rollback waits, so without loading the project. Django is the real one."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ops.check import python_with
from targets.common import inside
from tests.unit.conftest import write

SCHEMA = Path(inside.__file__).with_name("schema.py")
"""A script: it finds ``inside`` in its own folder."""
RELEASE = "0123456789"
SETTINGS = """
SECRET_KEY = "k"
INSTALLED_APPS = ["store"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
"""
MODELS = 'import pathlib\n\npathlib.Path("loaded").touch()\n'
MIGRATION = """from django.db import migrations


class Migration(migrations.Migration):
    dependencies = []
    operations = []
"""
Ask = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One app with one migration; its models leave a file when they are loaded."""
    files = {
        "settings.py": SETTINGS,
        "store/__init__.py": "",
        "store/models.py": MODELS,
        "store/migrations/__init__.py": "",
        "store/migrations/0001_first.py": MIGRATION,
    }
    return write(tmp_path, files)


@pytest.fixture
def ask(project: Path) -> Ask:
    """``schema.py`` with these rules, as a target runs it; whether apps were loaded is asked of ``loaded``."""

    def run(**rules: Any) -> "subprocess.CompletedProcess[str]":
        (project / "loaded").unlink(missing_ok=True)
        asked = json.dumps({"switch": "", "newer": False, "kept": False, **rules})
        command = [*python_with("--with", "Django>=5.2,<6.2"), str(SCHEMA), ".", ".", RELEASE, asked]
        env = {**os.environ, "DJANGO_SETTINGS_MODULE": "settings"}
        return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)

    return run


def _applied(project: Path, name: str) -> None:
    """A later release brought this migration."""
    with closing(sqlite3.connect(project / "db.sqlite3")) as database, database:
        database.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('store', ?, '2026-11-22')", (name,))


def test_a_release_that_knows_all_that_was_applied_says_so_without_loading_the_project(project: Path, ask: Ask) -> None:
    deployed = ask()
    assert (deployed.returncode, deployed.stdout.splitlines()[-1]) == (0, "1 migrations applied"), deployed.stderr
    assert (project / "loaded").exists(), "or the file tells nothing"
    fits = ask(only=True)
    assert (fits.returncode, fits.stderr) == (0, "")
    assert not (project / "loaded").exists()


def test_a_migration_that_it_does_not_know_is_refused_by_its_name(project: Path, ask: Ask) -> None:
    ask()
    _applied(project, "0002_later")
    refused = ask(only=True)
    assert refused.returncode == inside.REFUSED, refused.stderr
    assert "does not know migrations that have been applied to the database since it served: store.0002_later;" in refused.stderr


def test_what_was_there_before_it_was_first_deployed_is_no_reason_to_refuse(project: Path, ask: Ask) -> None:
    ask()
    _applied(project, "0000_of_an_app_that_is_gone")
    (project / f"{RELEASE}.schema.json").unlink()
    assert ask().returncode == 0
    assert ask(only=True).returncode == 0
    assert not (project / "loaded").exists()


def test_what_an_older_version_of_this_program_has_noted_is_enough_to_refuse_and_is_completed(project: Path, ask: Ask) -> None:
    ask()
    note = project / f"{RELEASE}.schema.json"
    note.write_text('{"unknown": []}')
    _applied(project, "0002_later")
    assert ask(only=True).returncode == inside.REFUSED
    assert ask(newer=True).returncode == 0
    assert json.loads(note.read_text()) == {"known": ["store.0001_first"], "unknown": []}, "it is as unknown as it was"


@pytest.mark.parametrize("gone", ["DROP TABLE django_migrations", ""], ids=["no-table", "no-database"])
def test_what_cannot_be_asked_at_once_is_asked_the_whole_way(project: Path, ask: Ask, gone: str) -> None:
    ask()
    if gone:
        with closing(sqlite3.connect(project / "db.sqlite3")) as database:
            database.execute(gone)
    else:
        (project / "db.sqlite3").unlink()
    assert ask(only=True).returncode == 0, "nothing has been applied"
    assert (project / "loaded").exists()


def test_a_database_that_does_not_answer_is_not_waited_for_twice(project: Path, ask: Ask) -> None:
    ask()
    (project / "settings.py").write_text(SETTINGS.replace("db.sqlite3", "away/db.sqlite3"))
    away = ask(only=True)
    assert away.returncode == 1
    assert away.stderr.strip().splitlines()[-1] == "django.db.utils.OperationalError: unable to open database file"
    assert not (project / "loaded").exists()
