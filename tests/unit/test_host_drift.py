"""On folders of its own: what the agent finds changed on a host, and how it puts units right."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from rendering import envfile
from targets.host.agent import drift, nginx, places, system, units
from targets.host.agent.places import Places
from targets.host.agent.requests import LookRequest

A, B, RELEASE = "aaaaaaaaaa", "bbbbbbbbbb", "1111111111"
VALUES = {"SECRET_KEY": "a long one that nobody guesses", "LEVEL": "1"}
ENV = envfile.digest(VALUES)
KNOWN: dict[str, Any] = {
    "instance": A,
    "release": RELEASE,
    "env_id": ENV,
    "service": "[Service]\n# files\nRestart=always\n",
    "socket": "[Socket]\n",
    "again": "[Unit]\n",
    "files": [],
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The site ``shop`` as it was made; systemd says that all is well, and started the server an hour ago."""
    for name in ("root", "etc", "run"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(Places, name, tmp_path / name)
    for name in ("UNITS", "SITES", "ENABLED"):
        (tmp_path / name).mkdir()
        for module in (places, drift):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, tmp_path / name)
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    started = int((time.monotonic() - 3600) * 1e6)

    def systemctl(*_: str) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, f"{started}\n", "")

    monkeypatch.setattr(system, "systemctl", systemctl)
    monkeypatch.setattr(system, "must", lambda *_: "")
    made = Places("shop")
    for folder in (made.env, made.instances, made.facts, made.static, made.sites):
        folder.mkdir()
    (made.instances / f"{A}.json").write_text(json.dumps(KNOWN))
    made.env_file(ENV).write_text(envfile.render(VALUES))
    made.env_file(ENV).chmod(0o640)
    units.write(made, KNOWN)
    for ending, wants in drift.WANTS.items():
        (places.UNITS / wants).mkdir()
        (places.UNITS / wants / f"shop-{A}{ending}").symlink_to("..")
    made.site.write_text("server {}\n")
    (places.ENABLED / "shop.conf").symlink_to(made.site)
    made.live.symlink_to(f"{A}.sock")
    made.current.symlink_to(f"releases/{RELEASE}")
    made.live_env.symlink_to(f"env/{ENV}.env")
    (made.static / "shop.css").write_text("")
    (made.facts / f"{RELEASE}.manifest").write_text(json.dumps({"paths": {"shop.css": "shop.css"}}))
    return made


def found(site: Places, **asked: str) -> list[tuple[str, str]]:
    wanted = {"instance": A, "proxy": nginx.site_hash("server {}\n"), **asked}
    seen = drift.found(LookRequest(app="shop", owner="x", **wanted), site)  # type: ignore[arg-type]
    return [(one["part"], one["what"]) for one in seen]


def test_a_host_as_it_was_made_has_no_drift(site: Places) -> None:
    assert found(site) == []


def test_a_host_that_the_stack_has_nothing_on_has_none_either(site: Places) -> None:
    assert found(site, instance="") == []
    assert found(site, instance=B) == [("instance", f"instance {B} is not on this host")]


@pytest.mark.parametrize(
    ("spoil", "part", "words"),
    [
        (lambda site: site.env_file(ENV).write_text("LEVEL='2'\n"), "env", "was changed"),
        (lambda site: site.env_file(ENV).write_text("LEVEL='2\n"), "env", "was changed"),
        (lambda site: site.env_file(ENV).unlink(), "env", "is gone"),
        (lambda site: site.env_file(ENV).chmod(0o644), "env", "has mode 0644, not 0640"),
        (lambda site: (site.static / "shop.css").unlink(), "static", "shop.css is gone"),
        (lambda site: (site.facts / f"{RELEASE}.manifest").write_text("{"), "static", "was changed"),
        (lambda site: site.site.write_text("server { }\n"), "proxy", "was changed"),
        (lambda site: site.site.unlink(), "proxy", "is gone"),
        (lambda site: (places.ENABLED / "shop.conf").unlink(), "proxy", "is not enabled"),
        (lambda site: (places.UNITS / f"shop-{A}.service").write_text("[Service]\n"), "instance", "was changed"),
        (lambda site: (places.UNITS / f"shop-{A}.socket").unlink(), "instance", "is gone"),
        (lambda site: (places.UNITS / f"sockets.target.wants/shop-{A}.socket").unlink(), "traffic", "is disabled"),
        (lambda site: system.link(site.live, f"{B}.sock"), "traffic", f"traffic is on {B}, not on {A}"),
        (lambda site: site.live.unlink(), "traffic", f"traffic is on nothing, not on {A}"),
        (lambda site: system.link(site.current, "releases/other"), "traffic", "names releases/other, not releases/1111111111"),
        (lambda site: (places.UNITS / f"shop-{B}.service").write_text(""), "traffic", f"instance {B} has a unit"),
    ],
)
def test_each_change_is_found_and_told_once(site: Places, spoil: Any, part: str, words: str) -> None:
    spoil(site)
    ((which, what),) = found(site)
    assert which == part
    assert words in what


def test_units_are_put_right_and_drop_ins_taken_away(site: Places) -> None:
    service = places.UNITS / f"shop-{A}.service"
    text = service.read_text()
    service.write_text("[Service]\nRestart=no\n")
    folder = places.UNITS / f"shop-{A}.service.d"
    folder.mkdir()
    (folder / "override.conf").write_text("[Service]\nNice=5\n")
    assert units.write(site, KNOWN)
    assert service.read_text() == text
    assert not folder.exists()
    assert not units.write(site, KNOWN)
    assert found(site) == []


@pytest.mark.parametrize(("age", "restart"), [(7200, True), (60, False)], ids=["started-since", "not-yet-started-so"])
def test_a_server_is_started_again_only_where_it_was_started_with_what_somebody_changed(
    site: Places, age: int, restart: bool
) -> None:
    service = places.UNITS / f"shop-{A}.service"
    service.write_text("[Service]\nRestart=no\n")
    os.utime(service, (time.time() - age, time.time() - age))
    assert units.mend(site, KNOWN) is restart
    assert units.mend(site, KNOWN) is False
