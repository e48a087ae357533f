"""What is looked at before an update, judged: what stops one, what is only told, and what a person reads."""

import json
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from rich.console import Console

from ops import preflight as ops_preflight
from ops import preflight_here
from settings.plan import plan
from targets.common import preflight
from targets.common.preflight import Result, worst
from targets.host import preflight as on_host
from targets.observation import KeptRelease, Observation
from targets.serving import Serving
from tests.unit.conftest import settings_of, write

SEEN: dict[str, Any] = {
    "now": 0.0,
    "difference": 0.0,
    "root": True,
    "os": "Debian GNU/Linux 12 (bookworm)",
    "apt": True,
    "python": "3.11.2",
    "systemd": "252",
    "nginx": "1.22.1",
    "nginx_refuses": "",
    "disks": {"/srv/shop": 9000, "/tmp": 9000},
    "available_mib": 2000,
    "instance_mib": 150,
    "holder": "nginx",
    "owner": "gateway/prod",
    "peers": {"DATABASE_URL": ""},
    "migrations": [],
    "deploy_check": "",
}


def judged(**changes: Any) -> list[Result]:
    """What is not well."""
    found = on_host.judge("web1", {**SEEN, **changes}, 3, "gateway/prod", "root")
    return [one for one in found if one.status != "ok"]


def test_a_host_that_has_all_is_well() -> None:
    assert judged() == []
    assert judged(nginx="", holder="", owner="") == [], "a bare one gets what it lacks"


@pytest.mark.parametrize(
    ("changes", "status", "what", "words"),
    [
        ({"root": False}, "failed", "login", "not root"),
        ({"python": "3.9.2"}, "failed", "python", "3.9.2, and 3.10 is needed"),
        ({"nginx": "1.14.2"}, "failed", "nginx", "1.14.2, and 1.18 is needed"),
        ({"systemd": ""}, "failed", "systemd", "not in charge"),
        ({"systemd": "247"}, "failed", "systemd", "247, and 249 is needed"),
        ({"nginx_refuses": 'unknown directive "x"'}, "failed", "nginx", "refuses its present configuration"),
        ({"apt": False, "nginx": ""}, "failed", "system", "without apt-get"),
        ({"disks": {"/srv/shop": 100}}, "failed", "disk", "100 MiB free below /srv/shop"),
        ({"disks": {"/srv/shop": 800}}, "warning", "disk", "800 MiB free"),
        ({"available_mib": 100}, "warning", "memory", "a second instance takes about 150 MiB (as the one that runs)"),
        ({"available_mib": 100, "instance_mib": 0}, "warning", "memory", "240 MiB (3 processes, estimated)"),
        ({"holder": "apache2"}, "failed", "port", "'apache2' listens on it"),
        ({"owner": "gateway/other"}, "failed", "name", "belongs to stack gateway/other"),
        ({"peers": {"DATABASE_URL": "Connection refused"}}, "failed", "DATABASE_URL", "nobody answers (Connection refused)"),
        ({"deploy_check": "ModuleNotFoundError: No module named 'x'\n"}, "failed", "check --deploy", "No module named 'x'"),
        ({"difference": 90.0}, "warning", "clock", "90 s ahead of this machine"),
        ({"difference": -7.0}, "warning", "clock", "7 s behind this machine"),
    ],
)
def test_what_is_not_well_on_a_host_is_told_with_a_way_out(changes: dict[str, Any], status: str, what: str, words: str) -> None:
    (one,) = judged(**changes)
    assert (one.status, one.what) == (status, what)
    assert words in one.told
    assert one.way_out


CHECK = """System check identified some issues:

WARNINGS:
?: (security.W004) You have not set a value for the SECURE_HSTS_SECONDS setting.
?: (security.W008) Your SECURE_SSL_REDIRECT setting is not set to True.

System check identified 2 issues (0 silenced).
"""


def test_what_check_deploy_warns_of_is_told_and_an_error_stops() -> None:
    well = preflight.deploy_check("web1", CHECK)
    assert (well.status, well.told) == (
        "ok",
        "the release that serves: it warns of security.W004, security.W008; the update asks the new one",
    )
    wrong = preflight.deploy_check("web1", CHECK.replace("WARNINGS:", "ERRORS:\n?: (caches.E001) no default\n\nWARNINGS:"))
    assert (wrong.status, wrong.told) == ("failed", "the release that serves: ?: (caches.E001) no default")


def test_wrong_config_counts_before_what_is_missing() -> None:
    missing, config = preflight.failed("a", "b", "c", "d"), preflight.failed("a", "b", "c", "d", "config")
    assert [worst(r) for r in ([], [preflight.warning("a", "b", "c", "d")], [missing], [missing, config])] == [0, 0, 3, 2]


@pytest.mark.parametrize(("old", "new"), [("1.9", "1.19.10"), ("3.9.2", "3.10"), ("249", "250")])
def test_versions_are_compared_as_numbers(old: str, new: str) -> None:
    assert preflight.numbers(old) < preflight.numbers(new)


def test_the_program_for_hosts_answers_in_one_line_and_leaves_nothing() -> None:
    text = on_host.program("no-such-site", 1, {"DB": ("127.0.0.1", "1"), "SOCKET": ("/nosuch/it's.sock",)})
    done = subprocess.run([sys.executable, "-"], input=text, capture_output=True, check=True)
    seen = json.loads(done.stdout)
    assert set(SEEN) - {"difference"} == set(seen)
    assert seen["peers"] == {"DB": "Connection refused", "SOCKET": "No such file or directory"}
    assert seen["holder"] == ""
    assert abs(seen["now"] - time.time()) < 30


FILES = {
    "manage.py": 'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n',
    "requirements.txt": "Django==5.2\n",
    "shop/settings.py": 'KEY = os.environ["PAYMENT_KEY"]\n',
    "shop/wsgi.py": "",
    "shop/asgi.py": "",
    "store/migrations/0001_initial.py": "",
    "store/migrations/0002_gone.py": "operations = [migrations.RemoveField('order', 'note')]\n",
}
SERVING = Serving(interface="wsgi", server="gunicorn", release="0" * 10, instance="1" * 10)
OBSERVED = Observation(serving=SERVING, releases={"0" * 10: KeptRelease(migrations=frozenset({"store.0001_initial"}))})


def of_project(tmp_path: Any, observed: Observation | None = None, **changes: Any) -> list[Result]:
    planned = plan(settings_of(app={"name": "shop", "source": str(write(tmp_path, FILES))}, **changes))
    return [one for one in preflight_here.project(planned, observed or Observation()) if one.status != "ok"]


def test_a_variable_that_the_settings_need_and_nobody_gives_is_told_with_file_and_line(tmp_path: Any) -> None:
    (one,) = of_project(tmp_path)
    assert (one.status, one.kind) == ("failed", "config")
    assert one.told == "shop/settings.py:1 needs PAYMENT_KEY, which is not set"
    assert of_project(tmp_path, env={"PAYMENT_KEY": "x"}) == []


def test_a_migration_that_takes_something_away_is_a_warning(tmp_path: Any) -> None:
    (one,) = of_project(tmp_path, OBSERVED, env={"PAYMENT_KEY": "x"})
    assert (one.status, one.what) == ("warning", "migrations")
    assert "store.0002_gone removes field note of order" in one.told
    assert one.way_out.startswith("first deploy code that does without")


def test_a_name_that_nobody_knows_is_only_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"shop.example": "192.0.2.1"}
    monkeypatch.setattr(preflight_here, "_resolve", lambda name: known.get(name, ""))
    assert preflight_here.names(settings_of(domains=["shop.example", "localhost"]))[0].told == "shop.example is 192.0.2.1"
    (one,) = preflight_here.names(settings_of(domains=["shop.example", "other.example"]))
    assert (one.status, one.told) == ("warning", "other.example cannot be resolved here")


def test_a_check_that_hangs_is_told_as_such(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(settings_of(app={"name": "shop", "source": str(write(tmp_path, FILES))}))
    end = threading.Event()
    monkeypatch.setattr(ops_preflight, "SECONDS", 0.2)
    monkeypatch.setattr(ops_preflight, "_target", lambda *_: [("web1", "login", lambda: end.wait(5) and [])])
    threading.Timer(0.5, end.set).start()
    found = ops_preflight.look(planned, "gateway/prod", Observation())
    assert any((one.place, one.status) == ("web1", "failed") and "no answer in 0.2 seconds" in one.told for one in found)


def test_an_update_is_told_only_of_what_is_not_well(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    planned = plan(settings_of(app={"name": "shop", "source": str(write(tmp_path, FILES))}))
    same = Observation(serving=SERVING.model_copy(update={"release": planned.release.release}))
    ops_preflight.brief(planned, same, "gateway/prod", Console(soft_wrap=True))
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("preflight: here: variable: shop/settings.py:1 needs PAYMENT_KEY")
