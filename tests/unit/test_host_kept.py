"""Kept releases on hosts: what is damaged is not served, and what one host has lost comes from another."""

import base64
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from targets.common.errors import AgentError
from targets.host import ask
from targets.host.agent import nginx, places, releases, site, venvs
from targets.host.agent.places import Places
from targets.host.agent.requests import ProxyRequest, ReleaseRequest, Request
from targets.host.client import __main__ as client
from targets.host.client import uploads
from targets.host.client.connection import Connection

A, B, C, VENV = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc", "1111111111"
NOTED: dict[str, Any] = {"settings_module": "shop.settings", "migrations": ["store.0001_initial"], "python": ""}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The site ``shop`` on a host whose environments all work."""
    for name in ("root", "etc", "run"):
        monkeypatch.setattr(Places, name, tmp_path / name)
    monkeypatch.setattr(places, "LOCKS", tmp_path)
    monkeypatch.setattr(venvs, "works", lambda *_: True)
    made = Places("shop")
    for path in (made.releases, made.venvs, made.facts, made.sites):
        path.mkdir(parents=True)
    return made


def request(release: str = A, **more: Any) -> ReleaseRequest:
    return ReleaseRequest(app="shop", owner="gateway/x", release=release, **more)


def unpack(release: str = A, text: str = "print(1)\n") -> None:
    """A release with one file, as the deploying machine sends it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("manage.py")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text.encode()))
    buffer.seek(0)
    values = {"venv": VENV, "requirements": "six\n", "packages": "gunicorn\n", **NOTED, "migrations": tuple(NOTED["migrations"])}
    releases.unpack(request(release, **values), buffer)


def test_a_release_whose_file_was_changed_is_not_taken_for_the_one_that_was_deployed(here: Places) -> None:
    unpack()
    assert releases.kept(request())["there"] is True
    (here.release(A) / "manage.py").write_text("print(2)\n")
    found = releases.kept(request())
    assert (found["there"], found["damage"]) == (False, "manage.py is not what was deployed")
    assert releases.pack(request()) == {}, "nor given to another host"
    unpack()
    assert releases.kept(request())["there"] is True
    assert [path.name for path in here.releases.iterdir()] == [A]


def test_what_a_server_puts_beside_the_files_is_no_damage(here: Places) -> None:
    unpack()
    (here.release(A) / "media").mkdir()
    (here.release(A) / "staticfiles.json").touch()
    assert releases.kept(request())["there"] is True


def test_a_release_that_is_gone_is_told_with_those_that_are_there(here: Places) -> None:
    unpack(B)
    assert releases.kept(request()) == {"there": False, "damage": "", "kept": [B]}


def test_the_host_tells_what_only_it_knows(here: Places) -> None:
    unpack()
    told = site.told(Request(app="shop", owner="gateway/x"))
    noted = {name: NOTED[name] for name in ("settings_module", "migrations")}
    assert told["releases"] == [{"release": A, **noted}]


def test_failed_releases_do_not_push_out_those_that_served(here: Places) -> None:
    for age, name in enumerate((C, B, A)):
        unpack(name)
        os.utime(here.release(name), (1_700_000_000 - age, 1_700_000_000 - age))
    releases.note_served(here, A, "gateway/x")
    releases.collect(request("", keep=1))
    assert {path.name for path in here.releases.iterdir()} == {A, C}, "and the last one that never served"


class Host:
    """A host on which the agent is a function."""

    def __init__(self, name: str, **answers: dict[str, Any]) -> None:
        self.name, self.answers, self.connection = name, answers, Connection(address=name)
        self.brought: list[tuple[str, dict[str, Any], bytes]] = []

    def agent(self, verb: str, text: str, payload: io.BytesIO | None = None) -> str:
        if payload is not None:
            self.brought.append((verb, json.loads(text), payload.read()))
        if verb not in self.answers:
            raise AgentError(f"{self.name}: went away")
        return json.dumps(self.answers[verb])

    def told(self, words: str) -> str:
        return f"{self.name}: {words}"


MISSING = {"there": False, "damage": "", "kept": [B]}
PACKED = {**NOTED, "release": A, "venv": VENV, "requirements": "six\n", "packages": ""}
PACKED["archive"] = base64.b64encode(b"tar").decode()
ASKED = {"app": "shop", "owner": "gateway/x", "release": A, "keep": 5, "source": None}


def test_a_kept_release_comes_from_the_first_other_host_that_has_it() -> None:
    host = Host("web1", kept=MISSING, wants={"there": True}, release={})
    others = [Host("web2"), Host("web3", pack={}), Host("web4", pack=PACKED)]
    assert uploads.release(host, dict(ASKED), others) == A  # type: ignore[arg-type]
    ((verb, request_, content),) = host.brought
    assert (verb, content) == ("release", b"tar")
    assert (request_["venv"], request_["migrations"], request_["keep"]) == (VENV, ["store.0001_initial"], 5)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (MISSING, f"web1: release {A} of shop is not kept on this host; kept are: {B}; way out: deploy its source again"),
        ({**MISSING, "damage": "x.py is not what was deployed"}, f"web1: the kept release {A} is damaged (x.py is not what was"),
    ],
)
def test_where_no_host_has_it_the_cause_is_told_with_a_way_out(found: dict[str, Any], words: str) -> None:
    with pytest.raises(AgentError) as caught:
        uploads.release(Host("web1", kept=found), dict(ASKED), [Host("web2", pack={})])  # type: ignore[arg-type, list-item]
    assert str(caught.value).startswith(words)


def test_an_earlier_site_of_nginx_comes_from_another_host_and_only_the_very_one_is_used(here: Places) -> None:
    values = {"default": "", "address": "", "port": 80, "host": "h"}
    wanted = nginx.site_hash("server {}\n")

    def asked(text: str) -> ProxyRequest:
        return ProxyRequest(app="shop", owner="gateway/x", site=text, kept=wanted, **values)  # type: ignore[arg-type]

    with pytest.raises(AgentError, match=f"the kept Nginx site {wanted} is gone"):
        nginx._kept(here, asked("server { listen 1; }\n"))
    assert nginx._kept(here, asked("server {}\n")) == "server {}\n"
    (here.sites / f"{wanted}.conf").write_text("server {}\n")
    assert nginx.kept_site(asked("")) == {"text": "server {}\n"}
    hosts = [Host("web1", **{"kept-site": {"text": ""}}), Host("web2", **{"kept-site": {"text": "server {}\n"}})]
    assert client._kept_site(hosts, {}) == "server {}\n"  # type: ignore[arg-type]


def test_what_is_kept_is_asked_of_all_hosts_and_one_that_is_away_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = {"releases": [{"release": A, "settings_module": "", "migrations": []}]}
    more = [{"release": B, "settings_module": "s", "migrations": ["x"]}, {"release": A, "settings_module": "t", "migrations": []}]
    hosts = {"web1": Host("web1", site=lost), "web2": Host("web2"), "web3": Host("web3", site={"releases": more})}
    monkeypatch.setattr(ask, "Host", lambda connection: hosts[connection.address])
    found = ask.releases([Connection(address=name) for name in hosts], "shop", "gateway/x")
    assert list(found) == [A, B]
    assert (found[A].settings_module, found[B].migrations) == ("t", frozenset(["x"]))
