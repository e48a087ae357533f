"""What ``make status`` tells: what is wrong is named with its way out, and nothing is wrong while an update is at work."""

from typing import Any

import pytest
from rich.console import Console

from ops import judgement, status_table
from settings import load
from targets.common.access_log import Entry
from targets.common.requests_seen import Window
from targets.observation import Finding, Observation
from tests.deployment import KEY

A, B = "aaaaaaaaaa", "bbbbbbbbbb"
NOW = 1_795_262_400.0
SETTINGS = load(
    {"gateway:app": {"name": "shop", "source": "examples/shop"}, "gateway:secrets": {"SECRET_KEY": KEY}},
    "dev",
    {"gateway:secrets"},
)


def seen(*answers: tuple[str, int]) -> dict[str, Any]:
    window = Window()
    window.add(Entry(NOW - 1, "GET", path, status, 0.025, "x") for path, status in answers)
    return window.told(NOW)


def host(**changes: Any) -> dict[str, Any]:
    instance = {
        "instance": A,
        "interface": "wsgi",
        "server": "gunicorn",
        "release": "0" * 10,
        "role": "live",
        "state": "running",
        "since": NOW - 7300,
        "workers": 3,
        "restarts": 0,
        "memory_bytes": 128 << 20,
        "connections": 4,
    }
    well = {
        "name": "web1",
        "reachable": True,
        "live": A,
        "nginx": {"state": "active", "since": NOW - 86400},
        "disk": [{"path": "/srv", "free_bytes": 50 << 30, "total_bytes": 100 << 30}],
        "drift": [],
        "instances": [instance],
        "requests": seen(("/", 200)),
    }
    return well | changes


def told(*hosts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    serving = {"interface": "wsgi", "server": "gunicorn", "release": "0" * 10, "instance": A}
    update = {"number": 3, "at": "2026-11-21T12:00:00+00:00", "by": "me@there", "message": "more socks", "last": 3}
    facts = {
        "stack": "prod",
        "app": "shop",
        "url": "http://shop.example/",
        "at": NOW,
        "serving": serving,
        "update": update | {"last_result": "succeeded", "last_good": "2026-11-21T12:00:00+00:00"},
        "lock": None,
        "maintenance": False,
        "hosts": list(hosts) or [host()],
    }
    return facts | changes


def words(facts: dict[str, Any], *, updating: bool = False) -> list[str]:
    return [one["what"] for one in judgement.wrong(facts, SETTINGS, updating=updating)]


def test_a_site_as_it_was_made_has_nothing_wrong() -> None:
    assert words(told()) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"nginx": {"state": "failed", "since": None}}, "Nginx does not run: it is failed"),
        ({"live": B}, f"traffic is on {B}, not on {A}"),
        ({"live": ""}, f"traffic is on nothing, not on {A}"),
        ({"drift": [{"part": "env", "what": "the env file was changed"}]}, "the env file was changed"),
        ({"disk": [{"path": "/srv", "free_bytes": 1 << 30, "total_bytes": 100 << 30}]}, "1024 MiB are left on the disk of /srv"),
        ({"certificate_days": 5}, "the certificate ends in 5 days"),
        (
            {"requests": seen(*[("/", 200)] * 7, *[("/pay/", 502)] * 2, ("/pay/", 504))},
            "3 of 10 answers in 5 minutes were 5xx, 2 of them 502 and 1 504",
        ),
    ],
)
def test_each_fault_is_named(changes: dict[str, Any], what: str) -> None:
    found = judgement.wrong(told(host(**changes)), SETTINGS, updating=False)
    assert [one["what"] for one in found] == [what]
    assert found[0]["host"] == "web1"
    assert found[0]["fix"]


def test_a_site_that_is_closed_on_purpose_answers_503_and_all_is_well() -> None:
    closed = SETTINGS.model_copy(update={"maintenance": True})
    facts = told(host(requests=seen(*[("/", 503)] * 50)), maintenance=True)
    assert judgement.wrong(facts, closed, updating=False) == []
    assert judgement.wrong(facts, SETTINGS, updating=False) != []


def test_two_bad_answers_among_many_are_anybodys_bad_luck() -> None:
    assert words(told(host(requests=seen(*[("/", 200)] * 3, *[("/", 500)] * 2)))) == []
    assert words(told(host(requests=seen(*[("/", 200)] * 97, *[("/", 500)] * 3)))) == []


def test_a_host_that_cannot_be_looked_at_is_wrong_and_the_others_are_told() -> None:
    facts = told(host(), {"name": "web2", "reachable": False, "error": "web2 cannot be reached"})
    assert words(facts) == ["web2 cannot be reached"]


def test_what_an_update_is_moving_is_no_drift() -> None:
    moving = told(host(live=B, drift=[{"part": "traffic", "what": "a stray"}]), lock="another update is running: process 7")
    assert words(moving, updating=True) == []
    assert words(moving) == ["another update is running: process 7", "a stray"]


def test_a_stack_that_never_served_says_so() -> None:
    assert words(told(serving=None)) == ["nothing serves: the stack has had no update that did"]


def test_the_table_reads_well_on_80_columns() -> None:
    bad = host(drift=[{"part": "proxy", "what": "Nginx's site /etc/nginx/sites-available/shop.conf was changed"}])
    facts = told(bad)
    facts["wrong"] = judgement.wrong(facts, SETTINGS, updating=False)
    facts["ok"] = False
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(status_table.shown(facts))
    lines = console.export_text().splitlines()
    text = "\n".join(lines)
    assert max(map(len, lines)) <= 80
    for part in ("1 thing is wrong", "way out: make up puts Nginx right", f"{A}  live  running  2 h", "128 MiB", "update 3"):
        assert part in text, text


def test_drift_makes_the_part_of_the_update_run_again_that_mends_it() -> None:
    observed = Observation(
        at="12:00",
        live=A,
        running=frozenset({A}),
        kept=frozenset({"proxy"}),
        owners=frozenset({"gateway/dev"}),
        drift=(Finding("env", "env file x was changed"), Finding("instance", "limits"), Finding("kept", "changed")),
    )
    assert observed.drift_fault("env") == "env file x was changed (seen 12:00)"
    assert observed.drift_fault("static") == ""
    assert observed.instance_fault(A) == "limits (seen 12:00)"
    assert observed.instance_fault(B) == "", "another one is started anyway"
    assert observed.refresh_due(["proxy"])
