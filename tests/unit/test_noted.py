"""What ``make status`` finds on a host the next update mends, although it does not log in."""

import json
from pathlib import Path

import pytest

from ops import noted
from targets.host import observe
from targets.host.client.connection import Connection
from targets.host.observe import HostObservation
from targets.observation import Finding

A, B = "aaaaaaaaaa", "bbbbbbbbbb"
FOUND = [("web1", Finding("env", "the env file was changed")), ("web2", Finding("instance", "the unit was changed"))]
HOSTS = [Connection(address=name) for name in ("web1", "web2")]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody answers over HTTP, and notes are in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(observe, "ask", lambda *_: None)
    return tmp_path


def look(hosts: list[Connection]) -> HostObservation:
    return observe.observe(hosts, 80, "shop.example", "/health/", "shop")


def test_each_part_of_the_update_is_told_what_it_has_to_mend_on_which_host() -> None:
    noted.note("shop", FOUND)
    seen = look(HOSTS)
    assert seen.drift_fault("env").startswith("web1: the env file was changed (seen 20")
    assert seen.instance_fault(A).startswith("web2: the unit was changed (seen 20")
    assert seen.traffic_fault(A) == seen.instance_fault(A), "what was started again is proved through Nginx again"
    assert seen.drift_fault("static") == seen.drift_fault("proxy") == ""


def test_the_same_note_is_the_same_fault_so_that_a_second_up_has_nothing_to_do() -> None:
    noted.note("shop", FOUND)
    assert look(HOSTS).drift_fault("env") == look(HOSTS).drift_fault("env")


def test_a_look_that_finds_nothing_forgets_it(folder: Path) -> None:
    noted.note("shop", FOUND)
    noted.note("shop", [])
    noted.note("shop", [])
    assert look(HOSTS).drift == ()
    assert not list(folder.rglob("shop.json"))


def test_what_was_found_on_a_host_of_another_stack_is_not_ours() -> None:
    noted.note("shop", FOUND)
    assert [one.part for one in look(HOSTS[:1]).drift] == ["env"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"found": [["web1"]]}', json.dumps({"found": [["web1", "env", "x"]]})])
def test_a_note_that_is_none_is_passed_over(folder: Path, text: str) -> None:
    path = folder / ".gateway/seen/shop.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    look(HOSTS)


def test_where_nothing_answers_nginx_is_looked_after() -> None:
    seen = HostObservation(instances={"web1": "", "web2": A})
    assert seen.drift_fault("proxy") == "nothing answers on web1"
    assert HostObservation(instances={"web1": B, "web2": A}).drift_fault("proxy") == ""
