"""What the check says of the project's settings: an error ends the update in words, all else is a warning of it."""

import json
from typing import Any

import pulumi
import pytest

from settings import agreement
from targets.common.agreement import MARK, judge, read
from targets.common.errors import AgentError
from targets.common.settings_facts import facts
from tests.unit import recording
from tests.unit.conftest import settings_of
from tests.unit.sites import site


class Defaults:
    """Django's own defaults, as far as they are asked for, and names that fit."""

    DEBUG = PREPEND_WWW = USE_X_FORWARDED_HOST = USE_X_FORWARDED_PORT = SECURE_SSL_REDIRECT = False
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
    ALLOWED_HOSTS = ("shop.example",)
    CSRF_TRUSTED_ORIGINS = SECURE_REDIRECT_EXEMPT = INSTALLED_APPS = ()
    SESSION_COOKIE_DOMAIN = CSRF_COOKIE_DOMAIN = SECURE_PROXY_SSL_HEADER = FORCE_SCRIPT_NAME = STATIC_ROOT = None
    SECURE_HSTS_SECONDS = 0
    STATIC_URL = MEDIA_URL = MEDIA_ROOT = ""
    DATA_UPLOAD_MAX_MEMORY_SIZE = 2621440
    SESSION_ENGINE = "django.contrib.sessions.backends.db"
    DATABASES: dict[str, dict[str, Any]] = {"default": {"ENGINE": "django.db.backends.sqlite3"}}  # noqa: RUF012
    CACHES: dict[str, dict[str, Any]] = {}  # noqa: RUF012
    LOGGING: dict[str, Any] = {"handlers": {"x": {"class": "logging.StreamHandler"}}, "root": {"handlers": ["x"]}}  # noqa: RUF012
    LOGGING_CONFIG = "logging.config.dictConfig"


def printed(**changes: Any) -> str:
    """The log of a check whose settings have these changes."""
    told = facts(type("Settings", (Defaults,), changes))
    return f"System check identified no issues.\n{MARK}{json.dumps({'wsgi': told, 'asgi': {**told, 'DEBUG': False}})}\nok"


SETTINGS = settings_of(domains=["shop.example"])
ASKED = agreement.asked(SETTINGS, dev=False)


def test_settings_that_agree_are_told_on_in_one_line() -> None:
    line = judge(printed(), ASKED)
    assert "\n" not in line
    assert read(line) == read(printed())
    assert agreement.findings(line, SETTINGS, dev=False) == []


def test_what_breaks_the_site_ends_the_update_with_the_line_to_write() -> None:
    with pytest.raises(AgentError, match=r"ALLOWED_HOSTS refuses shop.example.*write: ALLOWED_HOSTS = \['shop.example'\]"):
        judge(printed(ALLOWED_HOSTS=["other.example"]), ASKED)


def test_a_mistake_that_breaks_nothing_ends_nothing_and_is_said() -> None:
    line = judge(printed(USE_X_FORWARDED_HOST=True), ASKED)
    (found,) = agreement.findings(line, SETTINGS, dev=False)
    assert (found.setting, found.error) == ("USE_X_FORWARDED_HOST", False)


def test_debug_is_the_dev_stacks_own_business() -> None:
    assert judge(printed(DEBUG=True), agreement.asked(SETTINGS, dev=True)).startswith(MARK)
    with pytest.raises(AgentError, match="DEBUG is on"):
        judge(printed(DEBUG=True), ASKED)


def test_the_interface_decides_which_facts_count_and_a_switch_does_not_ask_again() -> None:
    line = judge(printed(DATABASES={"default": {"CONN_MAX_AGE": 60}}), ASKED)
    asgi = settings_of(domains=["shop.example"], interface="asgi")
    assert agreement.findings(line, SETTINGS, dev=False) == []
    assert [one.setting for one in agreement.findings(line, asgi, dev=False)] == ["CONN_MAX_AGE"]
    assert agreement.asked(asgi, dev=False) == ASKED


@pytest.mark.parametrize("told", ["", "done", MARK + "{broken", MARK + '{"wsgi": {}, "asgi": {}}', "ok"])
def test_a_check_that_says_nothing_of_settings_is_no_finding(told: str) -> None:
    assert judge(told, ASKED)
    assert agreement.findings(told, SETTINGS, dev=False) == []


def test_nobody_who_asks_nothing_is_refused() -> None:
    assert judge(printed(ALLOWED_HOSTS=[]), {}).startswith(MARK)


def test_the_facts_hold_no_secret() -> None:
    told = printed(SECRET_KEY="s3cret", CACHES={"default": {"BACKEND": "b", "LOCATION": "redis://:s3cret@x"}})
    assert "s3cret" not in told


def test_an_update_warns_of_it_and_asks_the_target_with_the_names_that_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    line = judge(printed(ALLOWED_HOSTS=["localhost"], USE_X_FORWARDED_HOST=True), {})
    answer = recording._stdout
    monkeypatch.setattr(
        recording, "_stdout", lambda args: {"stdout": line} if args.inputs.get("create") == "task" else answer(args)
    )
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: said.append(message))
    recorded = recording.record(site(env={"OTHER": "warned"}), False)
    assert [one for one in said if "USE_X_FORWARDED_HOST" in one] == [
        "shop: USE_X_FORWARDED_HOST reads a header that Nginx empties: the Host header is the real one; "
        "write: USE_X_FORWARDED_HOST = False"
    ]
    tasks = [one for one in recorded.resources.values() if one.inputs.get("create") == "task"]
    asked = {one.name.split("-")[2]: json.loads(str(one.inputs["stdin"]))["site"] for one in tasks}
    assert asked["check"]["domains"] == ["localhost"]
    assert asked["migrate"] == asked["collectstatic"] == {}
