"""The table of the stack's updates: one line each, what serves, where a rollback would go, and no value of env or secrets."""

import io
from datetime import datetime, timedelta, timezone
from typing import Any

from rich.console import Console

from ops import history, updates
from ops.updates import Update
from targets.served import Served

START = datetime(2026, 11, 21, 7, 0, tzinfo=timezone.utc)


def update(number: int, release: str, interface: str, **more: Any) -> Update:
    begun = START + timedelta(minutes=number)
    served = Served(interface=interface, server="x", release=release, instance=f"i{number}", at=begun.isoformat(), by="me@here")
    return Update(**{"number": number, "begun": begun, "ended": begun, "serving": served, "moved": True, **more})


def test_each_update_is_one_line_of_words_without_values() -> None:
    before = {"interface": "wsgi", "env": {"LEVEL": "hush", "OLD": "hush"}, "secrets": {"TOKEN": "hush"}, "bodyLimitMb": "20"}
    after = {"interface": "asgi", "env": {"LEVEL": "hush2", "NEW": "hush"}, "secrets": {"TOKEN": "hush2"}, "bodyLimitMb": "5"}
    found = [
        update(3, "r2", "asgi", config={**after, "workers": "9"}, result="failed", moved=False, message="A try (by ci@build)"),
        update(2, "r2", "asgi", config=after, secret=frozenset({"secrets"})),
        update(1, "r1", "wsgi", config=before, secret=frozenset({"secrets"})),
    ]
    out = io.StringIO()
    Console(file=out, width=history.WIDE).print(history.table(found, [one.serving for one in found[1:] if one.serving], 20))
    title, third, second, first = out.getvalue().splitlines()
    assert "what changed" in title
    for words in ("failed", "ci@build", "workers default -> 9"):
        assert words in third
    for words in ("succeeded, serves", "me@here", "r2", "i2", "switch wsgi (gunicorn) -> asgi (uvicorn), release r1 -> r2"):
        assert words in second
    assert "bodyLimitMb 20 -> 5, env LEVEL, +NEW, -OLD, secret TOKEN" in second
    assert "first start" in first
    assert "hush" not in out.getvalue()


def test_a_key_that_the_project_did_not_know_then_is_no_change_today() -> None:
    """Pulumi notes every key of the project with its default; updates made before a key was new do not have it."""
    then = {"gateway:limits": '{"burst": 0}', "gateway:health": '{"path": "/health/"}', "gateway:bodyLimitMb": "20"}
    today = {
        **then,
        "gateway:limits": '{"requestsPerSecond": 0, "burst": 0, "connections": 0, "login": {"paths": [], "perMinute": 10}}',
        "gateway:metrics": "false",
        "gateway:serving": "socket",
        "gateway:redirects": "[]",
        "gateway:tls": '{"mode": "off"}',
        "gateway:errorPages": "",
    }
    before, after, on = (
        updates.values({key: {"value": value} for key, value in one.items()})
        for one in (then, today, {**today, "gateway:metrics": "true", "gateway:limits": '{"burst": 3}'})
    )
    first, second = update(1, "r1", "wsgi", config=before), update(2, "r1", "wsgi", config=after)
    third = update(3, "r1", "wsgi", config=on)
    found = [third, second, first]
    assert history.what_changed(found, second) == "nothing"
    assert history.what_changed(found, third) == "limits burst, metrics false -> true"
    assert updates.same(first, second)
    assert not updates.same(second, third)
