"""The agent on a host, on folders of its own: what it keeps, what it takes for granted, and what it tells."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from targets.common.errors import AgentError
from targets.host.agent import by_hand, instances, nginx, places, releases, system, traffic, units, venvs
from targets.host.agent.places import Places
from targets.host.agent.requests import EnvRequest, ReleaseRequest, TrafficRequest, VenvRequest, parse

A, B, C, D = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "dddddddddd"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The site ``shop`` below a temporary folder, on a host that has nothing else."""
    for name in ("root", "etc", "run"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.setattr(Places, name, folder)
    for name in ("UNITS", "TMPFILES", "LOCKS"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(places, name, tmp_path / name)
    monkeypatch.setattr(instances, "UNITS", tmp_path / "UNITS")
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    made = Places("shop")
    for path in (made.releases, made.venvs, made.env, made.instances, made.facts):
        path.mkdir()
    return made


def release(site: Places, name: str, venv: str, age: int) -> None:
    """A kept release, that many seconds old."""
    own = site.release(name) / releases.OWN
    own.mkdir(parents=True)
    (own / "release.json").write_text(json.dumps({"venv": venv}))
    (site.venvs / venv / "bin").mkdir(parents=True, exist_ok=True)
    (site.facts / f"{name}.json").write_text("{}")
    os.utime(site.release(name), (1_700_000_000 - age, 1_700_000_000 - age))


def instance(site: Places, name: str, of: str, env: str) -> None:
    (site.instances / f"{name}.json").write_text(json.dumps({"release": of, "env_id": env}))
    (site.env / f"{env}.env").write_text("")


def collect(site: Places, keep: int) -> set[str]:
    releases.collect(ReleaseRequest(app="shop", owner="x", release="", keep=keep))
    return {path.name for path in site.releases.iterdir()}


def test_the_newest_releases_are_kept_with_the_environments_that_they_have(site: Places) -> None:
    for age, (name, venv) in enumerate([(A, "1111111111"), (B, "1111111111"), (C, "2222222222")]):
        release(site, name, venv, age)
    assert collect(site, 2) == {A, B}
    assert [path.name for path in site.venvs.iterdir()] == ["1111111111"]
    assert {path.stem for path in site.facts.iterdir()} == {A, B}


def test_the_live_one_and_the_rollback_point_are_kept_however_old_they_are(site: Places) -> None:
    for age, name in enumerate([A, B, C, D]):
        release(site, name, "1111111111", age)
    instance(site, "1" * 10, C, "e" * 10)
    instance(site, "2" * 10, D, "f" * 10)
    site.serving.write_text(json.dumps({"live": "1" * 10, "previous": "2" * 10}))
    assert collect(site, 1) == {A, C, D}


def test_a_release_that_a_process_runs_in_is_kept(site: Places) -> None:
    for age, name in enumerate([A, B, C]):
        release(site, name, "1111111111", age)
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=site.release(C), stdin=subprocess.PIPE) as somebody:
        assert collect(site, 1) == {A, C}
        somebody.communicate(b"\n")
    assert collect(site, 1) == {A}


def test_env_files_and_records_of_instances_that_nobody_needs_are_removed(site: Places) -> None:
    for name, env in (("1" * 10, "a" * 10), ("2" * 10, "b" * 10), ("3" * 10, "c" * 10)):
        instance(site, name, A, env)
    site.serving.write_text(json.dumps({"live": "1" * 10, "previous": "2" * 10}))
    releases.collect_records(site)
    assert {path.stem for path in site.env.iterdir()} == {"a" * 10, "b" * 10}
    assert {path.stem for path in site.instances.iterdir()} == {"1" * 10, "2" * 10}


def test_units_of_a_site_whose_name_begins_the_same_are_not_its_own(site: Places) -> None:
    for name in (f"shop-{A}.service", f"shop-two-{B}.service", "shop-again@.service"):
        (places.UNITS / name).write_text("")
    assert system.units_of(site) == {A}
    assert system.units_of(Places("shop-two")) == {B}


def test_a_switch_moves_the_link_and_what_comes_back_at_boot(site: Places) -> None:
    for name in (A, B):
        instance(site, name, C, "e" * 10)
        for ending in units.ENDINGS:
            (places.UNITS / f"shop-{name}{ending}").write_text("")
    for name in (A, B):
        traffic.point(site, name)
        traffic.settle(site, name)
    assert traffic.live(site) == B
    assert os.readlink(site.live) == f"{B}.sock"
    enabled = sorted(path.name for path in places.UNITS.glob("*.wants/*"))
    assert enabled == [f"shop-{B}.service", f"shop-{B}.socket"]
    told = json.loads(site.serving.read_text())
    assert (told["live"], told["previous"]) == (B, A)
    assert f"L+ {site.live} - - - - {B}.sock" in (places.TMPFILES / "gateway-shop.conf").read_text()
    traffic.settle(site, B)
    assert json.loads(site.serving.read_text())["previous"] == A, "the same again leaves the rollback point"


def test_without_its_socket_an_instance_is_not_ready_for_traffic(site: Places) -> None:
    values = {"interface": "wsgi", "server": "gunicorn", "release": A, "host": "h", "path": "/", "address": "", "port": 80}
    request = TrafficRequest(app="shop", owner="x", instance=A, **values)  # type: ignore[arg-type]
    (places.UNITS / f"shop-{A}.service").write_text("")
    with pytest.raises(AgentError, match=f"instance {A} is gone; way out"):
        traffic.ready(request)
    site.socket(A).touch()
    assert traffic.ready(request) == "ready"
    site.socket(A).rename(site.parked(A))
    assert traffic.ready(request) == "ready", "a standby whose drain was killed has its socket again"


def test_a_file_is_replaced_whole_and_only_when_it_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    path = tmp_path / "secret.env"
    assert system.write(path, "A=1\n", 0o640)
    assert path.stat().st_mode & 0o777 == 0o640
    inode = path.stat().st_ino
    assert not system.write(path, "A=1\n", 0o640)
    assert path.stat().st_ino == inode
    assert system.write(path, "A=2\n", 0o640)
    assert [one.name for one in tmp_path.iterdir()] == ["secret.env"]


def test_a_full_disk_is_told_with_the_space_that_is_left(tmp_path: Path) -> None:
    with (
        pytest.raises(AgentError, match=r"no space left below .* \(\d+ MiB free\); way out: free disk space"),
        system.room(tmp_path),
    ):
        raise OSError(28, "No space left on device")
    with pytest.raises(PermissionError), system.room(tmp_path):
        raise PermissionError(13, "no")


def test_a_release_that_did_not_arrive_whole_leaves_nothing_behind(site: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venvs, "works", lambda *_: True)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("manage.py")
        info.size = 100_000
        tar.addfile(info, io.BytesIO(os.urandom(100_000)))
    cut = io.BytesIO(buffer.getvalue()[:2000])
    with pytest.raises(AgentError, match="did not arrive whole"):
        releases.unpack(ReleaseRequest(app="shop", owner="x", release=A, venv="1" * 10), cut)
    assert list(site.releases.iterdir()) == []


def test_an_environment_that_could_not_be_made_leaves_nothing_behind(site: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*command: str, **_: Any) -> system.Done:
        final = site.venvs / ("1" * 10)
        final.mkdir(exist_ok=True)
        failed = "pip" in command
        return subprocess.CompletedProcess(command, int(failed), "", "error: No space left on device (os error 28)")

    monkeypatch.setattr(system, "run", run)
    monkeypatch.setattr(venvs, "uv", lambda: "uv")
    request = VenvRequest(app="shop", owner="x", venv="1" * 10, requirements="a", servers="", python="")
    with pytest.raises(AgentError, match="no space left below"):
        venvs.build(request, io.BytesIO(b""))
    assert list(site.venvs.iterdir()) == []


@pytest.mark.parametrize("python", ["3.9", "3.99"])
def test_a_python_that_the_host_cannot_have_is_told_with_two_ways_out(python: str) -> None:
    told = venvs.no_python(python)
    assert f"the project asks for Python {python}" in told
    assert f"install python{python}" in told
    assert "change .python-version" in told


def test_a_name_that_nobody_serves_is_refused_once_for_all_sites_of_a_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nginx, "ENABLED", tmp_path)
    monkeypatch.setattr(nginx, "DISTRIBUTION", tmp_path / "default")
    own = tmp_path / "gateway-default-80.conf"
    own.write_text("server {\n    listen 80 default_server;\n}\n")
    assert not nginx._other_default(80, own)
    (tmp_path / "theirs").write_text("server { \n listen 0.0.0.0:80 default_server;\n}")
    assert nginx._other_default(80, own)
    assert not nginx._other_default(8080, own)


def test_a_request_of_another_version_is_refused_in_words() -> None:
    with pytest.raises(AgentError, match="not for this agent"):
        parse(EnvRequest, '{"app": "shop", "owner": "x", "new": 1}')


def test_an_operator_who_errs_is_told_what_there_is(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert by_hand.main(["status", "shop"]) == 1
    assert "sudo gateway status shop" in capsys.readouterr().err
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert by_hand.main(["status", "no-such-site"]) == 1
    assert "there is no site 'no-such-site' on this host" in capsys.readouterr().err
