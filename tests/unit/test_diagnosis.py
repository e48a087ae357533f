"""What usually goes wrong, recognised in what servers really said when it did (``provoked/``), and from what was looked at."""

from dataclasses import replace
from pathlib import Path

import pytest

from targets.common.causes import report
from targets.common.diagnosis import Line, in_log, recognise, shorten, unfinished_migration
from targets.common.rules import MIGRATION, NGINX_RULES, RULES
from targets.common.site_facts import Disk, Facts, Process, findings, summary, timeouts
from targets.docker.diagnose import lines
from tests.deployment import ROOT

PROVOKED = Path(__file__).with_name("provoked")

STARTS = {
    "import": ("the code imports what is not there", "No module named 'nonexistent'"),
    "import-uvicorn": ("the code imports what is not there", "No module named 'nonexistent'"),
    "variable": ("a variable that the settings need is not set", "KeyError: 'PAYMENT_URL'"),
    "refused": ("the database does not take connections", "port 9 failed: Connection refused"),
    "unknown-host": ("the database does not take connections", "failed to resolve host 'nosuch.invalid'"),
    "password": ("the database (or Redis) refuses the user or password", 'for user "pw"'),
    "no-database": ("the database server has no database of that name", 'database "nosuch" does not exist'),
    "permission": ("the app's user may not do that", "Permission denied: '/etc/gateway-may-not'"),
    "option": ("the server does not know an option", "--no-such-flag"),
    "migration": ("migration store.9999_broken failed", 'relation "no_such_table" does not exist'),
    "redis": ("Redis does not take connections", "Error 111 connecting to localhost:48999"),
    "redis-socket": ("Redis does not take connections", "No such file or directory"),
    "port-gunicorn": ("somebody else has the port or socket", "Address already in use"),
    "port-systemd": ("somebody else has the port or socket", "(127.0.0.1:21234): Address already in use"),
    "port-uvicorn": ("somebody else has the port or socket", "address already in use"),
}
"""What a server said that did not start -> the sentence, and what of the evidence must be in it."""

RUNNING = {
    "static": "static manifest",
    "disk": "disk full",
    "disallowed": "DisallowedHost",
    "schema": "schema",
    "memory": "out of memory",
    "database-gone": "database refused",
    "timeout": "worker timeout",
    "redis": "redis refused",
}
"""What an instance said while it ran -> the one finding."""

NGINX = {
    "nginx-dead": "502: instance dead",
    "nginx-gone": "502: socket gone",
    "nginx-may-not": "502: Nginx may not",
    "nginx-worker-died": "502: worker died",
    "nginx-slow": "504: too slow",
    "nginx-port": "port taken",
}


def said(name: str) -> str:
    return (PROVOKED / f"{name}.log").read_text()


@pytest.mark.parametrize("name", STARTS)
def test_a_failed_start_is_told_with_sentence_evidence_and_way_out(name: str) -> None:
    sentence, evidence = STARTS[name]
    first = report("it failed", said(name)).splitlines()[0]
    assert first.startswith(f"it failed: {sentence}")
    assert evidence in first
    assert first.endswith(", then run the update again")


@pytest.mark.parametrize("name", RUNNING)
def test_what_a_running_instance_says_is_one_finding(name: str) -> None:
    (found,) = in_log([Line("10:00:00", line) for line in said(name).splitlines()], "shop-1")
    assert (found.name, found.where) == (RUNNING[name], "shop-1")
    assert "10:00:00" in found.evidence


@pytest.mark.parametrize("name", NGINX)
def test_what_nginx_says_is_one_finding_without_the_client(name: str) -> None:
    (found,) = in_log([Line("", line) for line in said(name).splitlines()], "nginx", NGINX_RULES)
    assert found.name == NGINX[name]
    assert "client:" not in found.evidence


def test_every_provoked_log_is_tried() -> None:
    assert {path.stem for path in PROVOKED.glob("*.log")} == {*STARTS, *RUNNING, *NGINX, "settings", "hosts"}


def test_every_rule_has_its_line_in_the_page_for_users() -> None:
    page = (ROOT / "docs/when-it-fails.md").read_text()
    assert [rule.name for rule in (*RULES, *NGINX_RULES, MIGRATION) if f"| {rule.name} |" not in page] == []


def test_a_log_in_which_nothing_is_wrong_has_no_finding() -> None:
    well = [
        "[INFO] Starting gunicorn 27.0.1",
        "INFO:     Application startup complete.",
        "Permission to shop",
        "KeyError handled",
    ]
    assert list(in_log([Line("", line) for line in well], "shop")) == []


def test_the_same_again_is_told_once_with_how_often_and_when_last() -> None:
    line = "ValueError: Missing staticfiles manifest entry for 'a.css'"
    (found,) = in_log([Line("10:00:00", line), Line("10:00:05", line)], "shop")
    assert found.evidence.endswith("[2 lines, last at 10:00:05]")


def test_a_migration_that_ended_well_is_not_blamed() -> None:
    assert unfinished_migration("  Applying a.0001... OK\n  Applying a.0002_x...Traceback\n") == "a.0002_x"
    assert unfinished_migration("  Applying a.0001... OK\n") == ""


def test_a_database_that_goes_while_it_is_migrated_is_the_cause_and_not_the_migration() -> None:
    log = '  Applying a.0002_x...\ndjango.db.utils.OperationalError: connection to server at "db", port 5432 failed: timeout\n'
    assert "the database does not take connections" in report("it failed", log).splitlines()[0]


def test_an_evidence_is_one_line_of_bounded_length() -> None:
    assert len(shorten("x " * 1000)) <= 300
    found = recognise("ModuleNotFoundError: No module named 'a'\n")
    assert found is not None
    assert "\n" not in found.evidence


def test_docker_s_time_stamps_become_times_of_day() -> None:
    assert lines("2026-11-21T10:42:03.123456789Z KeyError: 'A'\nno stamp\n") == (Line("10:42:03 UTC", "KeyError: 'A'"),)


WELL = Facts(
    asked="GET /health/ with Host shop.example",
    live="0123456789",
    instance=Process("shop-0123456789", running=True),
    nginx=Process("shop-nginx", running=True),
    own=(200, ""),
    through=(200, ""),
    disks=(Disk("/srv", 9000),),
    command=("gunicorn", "--worker-class", "gthread", "--keep-alive", "75", "--graceful-timeout", "5"),
    nginx_text="proxy_read_timeout 60s;",
    stop_seconds=10,
    upstream_seconds=2,
)


def test_all_is_well_where_nothing_is_wrong() -> None:
    assert findings(WELL) == []
    assert summary(WELL) == "instance 0123456789; GET /health/ with Host shop.example: through Nginx 200"


_DEAD = Process("shop-0123456789", running=False, told="exited with status 1")
_TAKEN = Process("nginx", running=False, told="bind() failed (98: Address already in use)")
SEEN = {
    "nothing serves": {"live": "", "own": (0, ""), "through": (502, "")},
    "502: instance dead": {
        "instance": Process("shop-0123456789", running=False, told="exited with status 1"),
        "through": (502, ""),
    },
    "502: socket gone": {"socket": False, "own": (0, ""), "through": (502, "")},
    "502: Nginx may not": {"through": (502, "")},
    "504: too slow": {"own": (0, "timed out"), "through": (0, "timed out")},
    "Nginx down": {"nginx": Process("shop-nginx", running=False, told="exited with status 1"), "through": (0, "")},
    "port taken": {
        "nginx": Process("nginx", running=False, told="bind() failed (98: Address already in use)"),
        "through": (0, ""),
    },
    "database refused": {"services": (Process("shop-postgres", running=False, told="exited with status 137"),)},
    "disk full": {"disks": (Disk("/srv", 3),)},
    "out of memory": {"instance": Process("shop-0123456789", running=True, oom=True)},
    "crash loop": {"instance": Process("shop-0123456789", running=True, restarts=4)},
    "unhealthy": {"own": (503, ""), "through": (503, "")},
    "timeouts disagree": {"command": ("gunicorn", "--worker-class", "sync")},
}


@pytest.mark.parametrize("name", SEEN)
def test_what_is_wrong_now_is_one_finding_with_a_way_out(name: str) -> None:
    (found,) = findings(replace(WELL, **SEEN[name]))  # type: ignore[arg-type]
    assert found.name == name
    assert found.sentence
    assert found.fix
    assert found.evidence


def test_what_nginx_says_of_a_dead_instance_is_the_evidence_and_no_second_finding() -> None:
    log = tuple(Line("", line) for line in said("nginx-gone").splitlines())
    (found,) = findings(replace(WELL, instance=_DEAD, through=(502, ""), nginx_log=log))
    assert found.name == "502: instance dead"
    assert "No such file or directory" in found.evidence


def test_a_cause_in_the_log_stands_for_an_unhealthy_site() -> None:
    log = (Line("10:00:00", 'django.db.utils.OperationalError: connection to server at "db" failed: Connection refused'),)
    assert [one.name for one in findings(replace(WELL, own=(503, ""), through=(503, ""), app_log=log))] == ["database refused"]


def test_a_site_that_sends_people_to_https_is_well_when_its_instance_is() -> None:
    moved = (301, "https://shop.example/health/")
    assert findings(replace(WELL, through=moved)) == []
    assert [one.name for one in findings(replace(WELL, own=(503, ""), through=moved))] == ["unhealthy"]
    assert [one.name for one in findings(replace(WELL, through=(301, "/login/")))] == ["unhealthy"]


def test_a_dead_socket_on_a_host_is_brought_back_with_its_service() -> None:
    unit = Process("shop-0123456789.service", running=True)
    (found,) = findings(replace(WELL, socket=False, own=(0, ""), through=(502, ""), instance=unit))
    assert "systemctl start shop-0123456789.socket shop-0123456789.service" in found.fix


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("gunicorn --worker-class sync --timeout 20", "after 20 s, and Nginx waits 60 s"),
        ("/srv/venv/bin/gunicorn --worker-class sync", "after 30 s"),
        ("gunicorn --graceful-timeout 60", "may take 60 s to end, and is killed after 10 s"),
        ("uvicorn --timeout-graceful-shutdown 10", "may take 10 s to end"),
        ("uvicorn --timeout-keep-alive 2", "closes idle connections after 2 s"),
    ],
)
def test_limits_that_work_against_each_other_are_told(command: str, words: str) -> None:
    (found,) = timeouts(command.split(), 60, 2, 10)
    assert words in found.sentence
    assert found.fix


@pytest.mark.parametrize(
    "command",
    [
        "gunicorn --worker-class sync --timeout 61",
        "gunicorn --worker-class sync --threads 4",
        "gunicorn --worker-class sync --timeout 0",
        "daphne",
    ],
)
def test_limits_that_agree_are_not_told(command: str) -> None:
    assert list(timeouts(command.split(), 60, 2, 10)) == []
