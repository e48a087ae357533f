"""From the log of a process that did not start to one line: why, and what to do about it."""

import pytest

from targets.common.causes import LAST_LINES, cause, redact, report

TRACEBACK = 'Traceback (most recent call last):\n  File "/app/shop/wsgi.py", line 5, in <module>\n    boom()\n'
CHAINED = TRACEBACK + "ValueError: first\n\nDuring handling of the above exception, another exception occurred:\n\n" + TRACEBACK
GUNICORN_TAIL = """\
[2026-11-21 04:00:00 +0000] [8] [INFO] Worker exiting (pid: 8)
[2026-11-21 04:00:00 +0000] [1] [ERROR] Worker (pid:8) exited with code 3.
[2026-11-21 04:00:00 +0000] [1] [ERROR] Shutting down: Master
[2026-11-21 04:00:00 +0000] [1] [ERROR] Reason: Worker failed to boot.
"""
GUNICORN_HALT = TRACEBACK + "gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>\n"
UVICORN_HEAD = "INFO:     Started server process [1]\n"
OPERATIONAL = "django.db.utils.OperationalError: "
CONNECTION = 'connection to server at "10.0.0.5", port 5432 failed: '
UNIX = 'connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: No such file or directory'
CHECK = """\
django.core.management.base.SystemCheckError: SystemCheckError: System check identified some issues:

ERRORS:
shop.Order: (fields.E300) Field defines a relation with model 'Gone', which is either not installed, or is abstract.

System check identified 1 issue (0 silenced).
"""

LOGS = [
    (
        "import",
        TRACEBACK + "ModuleNotFoundError: No module named 'stripe'\n",
        "No module named 'stripe'",
        "add the package to the req",
    ),
    ("name", TRACEBACK + "ImportError: cannot import name 'x' from 'shop'\n", "cannot import name 'x'", "mend the import"),
    (
        "settings",
        TRACEBACK + "ModuleNotFoundError: No module named 'shop.prod_settings'\n",
        "'shop.prod_settings'",
        "app.settings",
    ),
    (
        "no settings",
        TRACEBACK + "django.core.exceptions.ImproperlyConfigured: Requested setting INSTALLED_APPS, but settings are not "
        "configured. You must either define the environment variable DJANGO_SETTINGS_MODULE or call settings.configure()\n",
        "Requested setting INSTALLED_APPS",
        "app.settings",
    ),
    (
        "empty key",
        TRACEBACK + "django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.\n",
        "The SECRET_KEY setting must not be empty.",
        "pulumi config set",
    ),
    (
        "environ",
        TRACEBACK + "django.core.exceptions.ImproperlyConfigured: Set the STRIPE_KEY environment variable\n",
        "Set the STRIPE_KEY environment variable",
        "gateway:env|secrets.NAME",
    ),
    ("key", CHAINED + "KeyError: 'STRIPE_KEY'\n", "KeyError: 'STRIPE_KEY'", "gateway:env|secrets.NAME"),
    (
        "refused",
        CHAINED + f"{OPERATIONAL}{CONNECTION}Connection refused\n\tIs the server running on that host?\n",
        "Connection refused",
        "check that the database runs",
    ),
    ("socket", CHAINED + f"{OPERATIONAL}{UNIX}\n\tIs the server running locally?\n", ".s.PGSQL.5432", "database runs"),
    (
        "redis",
        TRACEBACK + "redis.exceptions.ConnectionError: Error 111 connecting. Connection refused.\n",
        "Error 111",
        "URL is right",
    ),
    (
        "password",
        CHAINED + f'{OPERATIONAL}connection failed: {CONNECTION}FATAL:  password authentication failed for user "shop"\n',
        'password authentication failed for user "shop"',
        "correct the database's user or password",
    ),
    (
        "host",
        TRACEBACK + "django.core.exceptions.DisallowedHost: Invalid HTTP_HOST header: 'x'. You may need to add 'x'.\n",
        "Invalid HTTP_HOST header: 'x'",
        "ALLOWED_HOSTS",
    ),
    ("denied", TRACEBACK + "PermissionError: [Errno 13] Permission denied: '/data/x'\n", "'/data/x'", "access to that path"),
    ("full", TRACEBACK + "OSError: [Errno 28] No space left on device\n", "No space left", "free disk space"),
    ("worker class", TRACEBACK + "ModuleNotFoundError: No module named 'uvicorn_worker'\n", "'uvicorn_worker'", "add the server"),
]


@pytest.mark.parametrize(("log", "why", "mend"), [case[1:] for case in LOGS], ids=[case[0] for case in LOGS])
@pytest.mark.parametrize("tail", ["", GUNICORN_TAIL, GUNICORN_TAIL + GUNICORN_HALT], ids=["bare", "gunicorn", "halt"])
def test_the_first_line_names_the_cause_and_the_way_out(log: str, why: str, mend: str, tail: str) -> None:
    first = report("the new instance never took traffic", UVICORN_HEAD + log + tail).splitlines()[0]
    assert first.startswith("the new instance never took traffic: ")
    assert why in first
    assert mend in first.partition("; way out: ")[2]
    assert first.endswith(", then run the update again")


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn", "daphne", "hypercorn"])
def test_a_server_that_the_image_does_not_have_is_told_as_such(server: str) -> None:
    first = report("it failed", f"{server}: not found in this image\n").splitlines()[0]
    assert f"({server}: not found in this image); way out: add the server to the image" in first


def test_a_failed_check_shows_what_the_check_found() -> None:
    assert "shop.Order: (fields.E300)" in cause(TRACEBACK + CHECK)
    assert "shop.Order: (fields.E300)" in cause(CHECK.removeprefix("django.core.management.base.SystemCheckError: "))


@pytest.mark.parametrize("line", ["Exception: boom", "Exception", "AssertionError", "celery.exceptions.Retry.WeirdException: x"])
def test_any_exception_is_a_cause_even_a_plain_one(line: str) -> None:
    assert cause(TRACEBACK + line + "\n" + GUNICORN_TAIL) == line


def test_the_last_of_several_exceptions_is_the_cause() -> None:
    assert cause(CHAINED + "KeyError: 'B'\n") == "KeyError: 'B'"


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ("", "nothing in its log"),
        ("\n  \n", "nothing in its log"),
        ("starting\nkilled\n", "killed"),
        (TRACEBACK + "SystemExit: 3\nthe end\n", "the end"),
        ("say Error: not an exception\n", "say Error: not an exception"),
    ],
)
def test_without_an_exception_the_last_line_has_to_do(log: str, found: str) -> None:
    assert cause(log) == found


def test_nobody_is_told_to_do_what_nobody_can_know() -> None:
    assert report("migrate failed", "ZeroDivisionError: division by zero\n").splitlines()[0] == (
        "migrate failed: ZeroDivisionError: division by zero"
    )


def test_below_the_first_line_are_the_last_lines_of_the_log() -> None:
    log = "\n".join(f"line {number}" for number in range(100)) + "\n\nValueError: x\n"
    lines = report("it failed", log).splitlines()
    assert lines[1] == "its last lines:"
    assert lines[2:] == [*(f"  | line {number}" for number in range(100 - LAST_LINES + 1, 100)), "  | ValueError: x"]


def test_an_exception_that_a_talking_server_pushed_out_of_the_last_lines_is_shown_all_the_same() -> None:
    log = "File app.py, line 7\nValueError: x\n" + "\n".join(f"worker {number} exits" for number in range(50))
    lines = report("it failed", log).splitlines()
    assert lines[0] == "it failed: ValueError: x"
    assert lines[2:5] == ["  | File app.py, line 7", "  | ValueError: x", "  | ..."]
    assert lines[-1] == "  | worker 49 exits"


def test_an_empty_log_is_not_announced() -> None:
    assert report("it failed", "") == "it failed: nothing in its log"


PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----"


@pytest.mark.parametrize("log", [PEM, repr(PEM), "x MIIEvQIBADANBg y", PEM.replace("\n", "\r\n")])
def test_a_secret_of_several_lines_is_struck_out_line_by_line(log: str) -> None:
    shown = redact(log, [PEM])
    assert "MIIE" not in shown
    assert "kqhk" not in shown
    assert "[secret]" in shown


def test_a_secret_is_struck_out_wherever_it_stands() -> None:
    assert redact("url=postgres://u:p4ssw0rd@h p4ssw0rd", ["p4ssw0rd"]) == "url=postgres://u:[secret]@h [secret]"


def test_a_secret_within_a_longer_one_does_not_leave_the_rest_behind() -> None:
    assert redact("abcdefgh", ["abcd", "abcdefgh"]) == "[secret]"


def test_a_value_too_short_to_be_a_secret_does_not_make_the_log_unreadable() -> None:
    assert redact("a log with 1 line", ["1", "a", ""]) == "a log with 1 line"
