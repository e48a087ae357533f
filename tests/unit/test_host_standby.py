"""On hosts: who stays running beside the live instance, how a switch is watched, and that all go back or none."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from targets.common.errors import AgentError
from targets.host import standby as way_back
from targets.host.agent import instances, places, releases, standby, system, traffic, units, watch
from targets.host.agent.places import Places
from targets.host.agent.requests import FinishRequest, SchemaRequest, TrafficRequest, WatchRequest
from targets.host.client import traffic as client
from targets.host.client.connection import Connection

A, B, C = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"
ABOUT: dict[str, Any] = {
    "app": "shop",
    "owner": "gateway/x",
    "interface": "wsgi",
    "server": "gunicorn",
    "release": "1" * 10,
    "host": "shop.example",
    "path": "/",
    "address": "0.0.0.0",
    "port": 80,
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The site ``shop``, with A live and B and C running beside it."""
    for name in ("root", "etc", "run", "access_log"):
        if name != "access_log":
            (tmp_path / name).mkdir()
        monkeypatch.setattr(Places, name, tmp_path / name)
    for name in ("UNITS", "TMPFILES", "LOCKS"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(places, name, tmp_path / name)
    monkeypatch.setattr(instances, "UNITS", tmp_path / "UNITS")
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    monkeypatch.setattr(system, "systemctl", lambda *_: system.Done((), 0, "MainPID=7\nNRestarts=0\n", ""))
    monkeypatch.setattr(releases, "collect_records", lambda *_: "collected")
    made = Places("shop")
    made.instances.mkdir(parents=True)
    for name in (A, B, C):
        (made.instances / f"{name}.json").write_text(json.dumps({"release": name, "env_id": "e" * 10, "owner": "gateway/x"}))
        made.socket(name).touch()
        for ending in units.ENDINGS:
            (places.UNITS / f"shop-{name}{ending}").write_text("")
    traffic.point(made, A)
    traffic.settle(made, A)
    return made


def finish(site: Places, before: str, *, kept: bool = True) -> dict[str, object]:
    """The switch to A from ``before``."""
    return standby.finish(FinishRequest(**ABOUT, instance=A, before=before, standby=kept))


def enabled() -> set[str]:
    return {path.name[5:15] for path in places.UNITS.glob("*.wants/*")}


def test_the_instance_that_was_just_left_stays_comes_back_at_boot_and_no_other_does(site: Places) -> None:
    assert finish(site, B)["standby"] == B
    assert system.units_of(site) == {A, B}
    assert enabled() == {A, B}
    assert traffic.standby_of(site, "gateway/x") == B


def test_the_same_again_leaves_the_standby_as_it_is(site: Places) -> None:
    finish(site, B)
    assert finish(site, A)["standby"] == B
    assert system.units_of(site) == {A, B}


def test_without_standby_only_the_one_that_drains_is_left_alone(site: Places) -> None:
    finish(site, B)
    assert finish(site, A, kept=False) == {"standby": "", "memory": 0}
    assert (system.units_of(site), enabled(), traffic.standby_of(site, "gateway/x")) == ({A}, {A}, "")


def test_a_host_that_has_gone_back_meanwhile_keeps_what_it_has(site: Places) -> None:
    traffic.point(site, C)
    assert finish(site, B)["standby"] == ""
    assert system.units_of(site) == {A, B, C}


def test_a_standby_that_gets_the_traffic_is_none_any_more(site: Places) -> None:
    finish(site, B)
    traffic.point(site, B)
    traffic.settle(site, B)
    assert (traffic.live(site), traffic.standby_of(site, "gateway/x")) == (B, "")


def test_a_site_that_is_taken_down_takes_its_standby_along(site: Places) -> None:
    finish(site, B)
    assert traffic.off(TrafficRequest(**ABOUT, instance=A)) == "off"
    assert system.units_of(site) == {A}
    assert not os.path.lexists(site.live)


def test_a_watch_counts_what_the_app_has_answered_since_the_switch_over_a_rotation(site: Places) -> None:
    told = {"method": "GET", "host": "shop.example", "uri": "/pay/?card=4711", "status": 500, "request_time": 0.1}
    bad = json.dumps({**told, "upstream_status": "500"}) + "\n"
    site.access_log.write_text(bad * 3)
    mark = json.loads(json.dumps(traffic.watch_from(site, A)))
    with site.access_log.open("a") as file:
        file.write(bad * 2)
    site.access_log.rename(site.access_log.with_name("access_log.1"))
    site.access_log.write_text(bad)
    found = watch.watch(WatchRequest(**ABOUT, instance=A, watch_seconds=1, mark=mark))
    assert str(found["wrong"]).startswith("3 of 3 answers were 5xx (GET shop.example/pay/ 500 3 times) in the first ")


@pytest.mark.parametrize(
    ("brought", "refused"), [(["store.0001_initial"], False), (["store.0001_initial", "store.0002_b"], True)]
)
def test_where_the_database_cannot_be_asked_the_migrations_of_both_releases_decide(
    site: Places, monkeypatch: pytest.MonkeyPatch, brought: list[str], refused: bool
) -> None:
    for release, migrations in ((A, brought), (B, ["store.0001_initial"])):
        folder = site.release(release) / releases.OWN
        folder.mkdir(parents=True)
        (folder / "release.json").write_text(json.dumps({"migrations": migrations}))
    known = {"release": B, "env_id": "e" * 10, "user": "shop", "secret_names": ["DB"], "settings_module": "shop.settings"}
    (site.instances / f"{B}.json").write_text(json.dumps({**known, "app": "shop", "owner": "gateway/x"}))
    site.env_file("e" * 10).parent.mkdir()
    site.env_file("e" * 10).write_text('DB="hush-hush"\n')
    said = "Traceback\ndjango.db.utils.OperationalError: connection of hush-hush failed\n"
    monkeypatch.setattr(system, "run", lambda *_, **__: system.Done((), 1, "", said))
    asked = SchemaRequest(app="shop", owner="gateway/x", instance=B, properties=())
    if not refused:
        assert standby.ask_schema(asked) == "known"
        return
    with pytest.raises(AgentError, match=r"store\.0002_b; whether they have been applied") as caught:
        standby.ask_schema(asked)
    assert "OperationalError: connection of [secret] failed" in str(caught.value)


class Watched:
    """A host whose watch says what it is told to say, or waits until it has gone back."""

    def __init__(self, name: str, wrong: str = "", before: str = "old") -> None:
        self.name, self.wrong, self.before = name, wrong, before
        self.connection = Connection(address=name)
        self.asked: list[str] = []
        self.gone_back = threading.Event()

    def agent(self, verb: str, request: str) -> str:
        self.asked.append(verb)
        if verb == "back":
            self.gone_back.set()
        if verb == "watch" and not self.wrong:
            assert self.gone_back.wait(10), "nobody ended the watch"
        told = {"switch": {"before": self.before, "mark": {"pid": 1}, "finish": True}, "watch": {"wrong": self.wrong}}
        return json.dumps(told.get(verb, {"standby": "", "memory": 0}))

    def told(self, words: str) -> str:
        return f"{self.name}: {words}"


def move(*hosts: Watched) -> None:
    client.move(list(hosts), {**ABOUT, "instance": "new", "watch_seconds": 60}, 1)  # type: ignore[arg-type]


def test_what_goes_wrong_on_one_host_brings_all_back_at_once_and_is_told_with_the_place() -> None:
    good, bad = Watched("web1"), Watched("web2", wrong="3 of 3 answers were 5xx")
    with pytest.raises(AgentError) as caught:
        move(good, bad)
    words = str(caught.value)
    assert "instance new took traffic and did not do well: web2: 3 of 3 answers were 5xx" in words
    assert "gateway logs shop new" in words
    assert words.endswith("web1, web2 went back by themselves")
    assert good.gone_back.is_set()
    assert "finish" not in good.asked + bad.asked, "and what was left still runs"


def test_a_host_with_nothing_to_go_back_to_is_not_watched() -> None:
    fresh = Watched("web1", wrong="not asked for", before="")
    move(fresh)
    assert fresh.asked == ["switch", "finish"]


def test_what_a_standby_costs_is_told_from_the_outputs_of_the_stack() -> None:
    one: dict[str, Any] = {"instance": A, "socket": "/run/shop/a.sock", "standby": B, "standby_mib": 61}
    assert way_back.kept({"web1": one}) == f"instance {B} is kept running, 61 MiB of memory"
    more = {"web1": one, "web2": {**one, "standby_mib": 64}, "web3": {"instance": A}}
    assert way_back.kept(more) == f"instance {B} is kept running, 64 MiB of memory on each of 2 hosts"
    assert way_back.kept({"web3": {"instance": A}}) == ""
