"""Two stacks of one site on a host: each keeps what is its own, and the traffic goes to the other one when one goes."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from targets.common.errors import AgentError
from targets.host.agent import ending, instances, places, releases, stacks, standby, system, traffic, units
from targets.host.agent.places import Places
from targets.host.agent.requests import FinishRequest, JoinRequest, ReleaseRequest, TrafficRequest

WSGI, ASGI = "gateway/prod-wsgi", "gateway/prod-asgi"
A, B, C = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"
ABOUT: dict[str, Any] = {"app": "shop", "owner": WSGI, "interface": "wsgi", "server": "gunicorn", "release": "1" * 10}
ABOUT |= {"host": "shop.example", "path": "/", "address": "0.0.0.0", "port": 80}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The site ``shop`` of prod-wsgi, which serves with A; B is of prod-asgi, which has joined it."""
    for name in ("root", "etc", "run"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(Places, name, tmp_path / name)
    for name in ("UNITS", "TMPFILES", "LOCKS"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(places, name, tmp_path / name)
    monkeypatch.setattr(instances, "UNITS", tmp_path / "UNITS")
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    monkeypatch.setattr(system, "systemctl", lambda *_: system.Done((), 0, "", ""))
    made = Places("shop")
    for folder in (made.instances, made.releases, made.env, made.facts):
        folder.mkdir(parents=True)
    made.owner.write_text(f"{WSGI}\n")
    for name, stack in ((A, ""), (B, ASGI), (C, "")):
        record = {"release": name, "env_id": "e" * 10, "owner": WSGI, "stack": stack}
        (made.instances / f"{name}.json").write_text(json.dumps(record))
        for ending_ in units.ENDINGS:
            (places.UNITS / f"shop-{name}{ending_}").write_text("")
    for name in (B, A):
        traffic.point(made, name)
        traffic.settle(made, name)
    return made


def test_both_come_back_at_boot_and_each_has_a_rollback_point_of_its_own(site: Places) -> None:
    traffic.settle(site, C)
    assert {path.name[5:15] for path in places.UNITS.glob("*.wants/*")} == {B, C}
    told = stacks.records(site)
    assert (told[WSGI]["live"], told[WSGI]["previous"], told[ASGI]["live"], told[ASGI]["previous"]) == (C, A, B, "")


def test_a_switch_sweeps_and_parks_only_its_own(site: Places) -> None:
    request = FinishRequest(**ABOUT, instance=A, before=B, standby=True)
    assert standby.finish(request)["standby"] == ""
    assert system.units_of(site) == {A, B}, "C was a stray, B is another stack's"
    assert stacks.records(site)[ASGI]["live"] == B


def test_the_instance_that_a_stack_left_while_another_had_the_traffic_becomes_its_standby(site: Places) -> None:
    traffic.settle(site, B)
    traffic.point(site, C)
    traffic.settle(site, C)
    assert standby.finish(FinishRequest(**ABOUT, instance=C, before=B, standby=True))["standby"] == A
    assert system.units_of(site) == {A, B, C}


def test_what_another_stack_serves_with_is_not_retired(site: Places) -> None:
    assert ending.retire(TrafficRequest(**ABOUT, instance=B)) == "other"
    assert B in system.units_of(site)


def test_when_one_goes_the_other_gets_the_traffic(site: Places) -> None:
    traffic.off(TrafficRequest(**ABOUT, instance=A))
    assert traffic.live(site) == B
    assert set(stacks.records(site)) == {ASGI}
    traffic.off(TrafficRequest(**ABOUT, stack=ASGI, instance=B))
    assert not os.path.lexists(site.live)


def test_each_stack_keeps_releases_of_its_own(site: Places) -> None:
    for age, (name, stack) in enumerate([("1" * 10, WSGI), ("2" * 10, WSGI), ("3" * 10, ASGI), ("4" * 10, ASGI)]):
        own = site.release(name) / releases.OWN
        own.mkdir(parents=True)
        (own / "release.json").write_text(json.dumps({"venv": "v", "migrations": []}))
        releases.note_served(site, name, stack)
        os.utime(own / releases.SERVED, (1_700_000_000 - age, 1_700_000_000 - age))
    site.venvs.mkdir()
    releases.collect(ReleaseRequest(app="shop", owner=WSGI, release="", keep=1))
    assert {path.name for path in site.releases.iterdir()} == {"1" * 10, "3" * 10}


def test_a_stack_joins_only_the_site_of_the_stack_that_it_names(site: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Places, "site", site.etc / "site.conf")
    site.site.write_text("")
    assert stacks.join(JoinRequest(app="shop", owner=WSGI, stack=ASGI)) == "joined"
    with pytest.raises(AgentError, match=r"stack prod-other serves no .shop. on this host to join; way out: make up"):
        stacks.join(JoinRequest(app="shop", owner="gateway/prod-other", stack=ASGI))
