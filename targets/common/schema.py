"""``migrate`` with guards, in the new code with the new env. Standard library and Django only: it is brought beside the code.

python3 schema.py FACTS FILES RELEASE RULES

RULES is JSON: ``switch`` (such as ``wsgi -> asgi``, '' where the interface stays or a migration may come with it), ``newer``
(whether a schema that this code does not know is accepted), ``kept`` (whether the release has been deployed before, so that
``check`` and ``collectstatic`` are needed only where what they left is gone), ``complete`` (nothing but that), ``only`` (nothing
but the question whether this code knows the schema).
"""

import json
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import inside

SHOWN = 10


def main(facts: str, files: str, release: str, rules: dict[str, Any]) -> None:
    """Refuse with a sentence and status ``inside.REFUSED``, or migrate; then note which migrations this release knows."""
    note = Path(facts, f"{release}.schema.json")
    noted: dict[str, list[str]] = json.loads(note.read_text()) if note.exists() else {}
    if rules.get("only") and _fits(noted):
        return
    import django
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    django.setup()
    if rules["kept"]:
        _complete(Path(facts), files, release)
    if rules.get("complete"):
        return
    executor = MigrationExecutor(connection)
    loader = executor.loader
    known = {key for name, one in loader.disk_migrations.items() for key in (name, *one.replaces)}
    unknown = sorted(_name(key) for key in set(loader.applied_migrations) - known)
    if noted and not rules["newer"]:
        _refuse_newer(release, sorted(set(unknown) - set(noted["unknown"])))
    if rules.get("only"):
        return
    pending = [_name((one.app_label, one.name)) for one, _ in executor.migration_plan(loader.graph.leaf_nodes())]
    if pending and rules["switch"]:
        _refuse_both(release, rules["switch"], pending)
    if pending:
        call_command("migrate", interactive=False, verbosity=1)
    if "known" not in noted:
        beside = note.with_name(f".{note.name}.{os.getpid()}")
        beside.write_text(json.dumps({"known": sorted(map(_name, known)), "unknown": unknown, **noted}), encoding="utf-8")
        beside.replace(note)
    print(f"{len(pending)} migrations applied")


def _fits(noted: Mapping[str, list[str]]) -> bool:
    """Whether every migration in the database was known, or was there already, when the release was first deployed.

    Asked without loading an app, which takes seconds in a large project while a rollback waits. False also where that cannot be
    told: the whole way tells it then. Raises where nobody answers, which would be waited for twice.
    """
    if "known" not in noted:
        return False
    from django.db import OperationalError, connection

    try:
        with warnings.catch_warnings(), connection.cursor() as cursor:
            warnings.simplefilter("ignore")  # Django's, that apps are not loaded yet
            cursor.execute("SELECT app, name FROM django_migrations")
            return {_name(row) for row in cursor.fetchall()} <= {*noted["known"], *noted["unknown"]}
    except Exception as error:
        if isinstance(error, OperationalError) and connection.connection is None:
            raise
        return False


def _complete(facts: Path, files: str, release: str) -> None:
    """What ``check`` and ``collectstatic`` leave for the instances of a release; made again where it is gone."""
    noted = facts / f"{release}.json"
    if not noted.exists():
        inside.check(str(facts), release)
    if not (facts / f"{release}.manifest").exists():
        inside.collect(files, str(facts), release)


def _refuse_newer(release: str, unknown: list[str]) -> None:
    if unknown:
        _refuse(
            f"release {release} does not know migrations that have been applied to the database since it served: "
            f"{_listed(unknown)}; way out: go back to a release that knows them; or, if this code can live with that schema: "
            "pulumi config set gateway:allowNewerSchema true"
        )


def _refuse_both(release: str, switch: str, pending: list[str]) -> None:
    before, after = switch.split(" -> ")
    _refuse(
        f"release {release} brings migrations ({_listed(pending)}) together with a switch {switch}; do it in two steps: "
        f"pulumi config set gateway:interface {before} && make up, then pulumi config set gateway:interface {after} && make up; "
        "or allow both at once: pulumi config set gateway:allowMigrationsOnSwitch true"
    )


def _refuse(words: str) -> NoReturn:
    print(words, file=sys.stderr)
    sys.exit(inside.REFUSED)


def _name(key: tuple[str, str]) -> str:
    return ".".join(key)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    os.umask(0o002)
    main(sys.argv[1], sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
