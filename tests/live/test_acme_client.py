"""Certificates from a real ACME server (Pebble) by the distribution's client; what stands for Nginx shows a folder."""

import functools
import http.server
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from targets.common import acme, certificates
from targets.common.acme import Account, Asked
from targets.common.errors import AgentError
from targets.common.pairs import Store
from tests.pebble import Pebble
from tests.ports import free_port

NAMES = ("shop.example", "www.shop.example")


class Web(http.server.SimpleHTTPRequestHandler):
    """As Nginx shows the folder."""

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix("/.well-known/acme-challenge"))

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def store(tmp_path: Path) -> Store:
    if not shutil.which(acme.CLIENT):
        pytest.skip(f"no {acme.CLIENT} on PATH (apt-get install {acme.CLIENT})")
    store = Store(tmp_path / "tls")
    store.prepare()
    return store


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path / "acme")


@pytest.fixture
def pebble(store: Store, tmp_path: Path) -> Iterator[Pebble]:
    port = free_port()
    folder = tmp_path / "pebble"
    folder.mkdir()
    server = Pebble(folder, listen="127.0.0.1", address="127.0.0.1", http_port=port)
    handler = functools.partial(Web, directory=str(store.challenge))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        server.start()
        yield server
        server.close()
        web.shutdown()


def asked(pebble: Pebble, *names: str) -> dict[str, object]:
    ca = (pebble.folder / "ca.pem").read_text()
    return {"mode": "acme", "names": names or NAMES, "server": pebble.directory, "email": "me@shop.example", "ca": ca}


def test_a_self_made_one_serves_until_the_server_has_issued_and_the_next_one_has_another_key(
    pebble: Pebble, store: Store, account: Account
) -> None:
    assert certificates.ensure(store, account, asked(pebble)).source == "self"
    issued = acme.renew(store, account)
    assert issued is not None
    assert (issued.source, set(issued.names)) == ("acme", set(NAMES))
    assert acme.renew(store, account) is None, "nothing is due"
    renewed = acme.renew(store, account, force=True)
    assert renewed is not None
    keys = [(pair.folder / "privkey.pem").read_text() for pair in (issued, renewed)]
    assert keys[0] != keys[1]
    assert store.serving() == renewed
    assert certificates.ensure(store, account, asked(pebble)) == renewed, "an update loses nothing"
    assert (store.live / "fullchain.pem").read_text().count("BEGIN CERTIFICATE") >= 2
    assert not list(store.challenge.iterdir()), "no answer is left behind"


def test_a_server_that_is_down_leaves_the_certificate_as_it_is_and_says_why(
    pebble: Pebble, store: Store, account: Account
) -> None:
    certificates.ensure(store, account, asked(pebble))
    issued = acme.renew(store, account)
    pebble.stop()
    for tries in (1, 2):
        with pytest.raises(AgentError, match=r"no certificate for shop.example, .* from https://127.0.0.1:\d+/dir: "):
            acme.renew(store, account, force=True)
        assert store.serving() == issued
        assert store.state()["tries"] == tries
    assert "not renewed: no certificate for" in certificates.words(store)
    pebble.start()  # it has forgotten the account
    assert acme.renew(store, account, force=True) is not None
    assert "not renewed" not in certificates.words(store)


@pytest.mark.long
def test_a_name_that_leads_elsewhere_gets_none_and_the_others_keep_theirs(pebble: Pebble, store: Store, account: Account) -> None:
    certificates.ensure(store, account, asked(pebble))
    issued = acme.renew(store, account)
    pebble.leads("lost.example", "127.0.0.9")
    assert certificates.ensure(store, account, asked(pebble, *NAMES, "lost.example")) == issued
    with pytest.raises(AgentError, match=r"127\.0\.0\.9|lost\.example") as caught:
        acme.renew(store, account)
    assert store.serving() == issued
    assert "\n" not in str(caught.value)


@pytest.mark.long
def test_it_is_due_with_a_third_of_its_life_left_with_a_new_name_and_with_another_server(
    pebble: Pebble, store: Store, account: Account
) -> None:
    certificates.ensure(store, account, asked(pebble))
    issued = acme.renew(store, account)
    wanted = account.asked()
    assert issued is not None
    assert wanted is not None
    life = issued.ends - issued.begins
    assert acme.due(store, account, wanted, issued.ends - life * 0.35) == ""
    assert acme.due(store, account, wanted, issued.ends - life * 0.32) == "less than a third of its life is left"
    more = Asked(names=(*NAMES, "new.example"), server=wanted.server)
    assert acme.due(store, account, more, time.time()) == "a name is new"
    fewer = Asked(names=NAMES[:1], server=wanted.server)
    assert acme.due(store, account, fewer, time.time()) == "", "a rollback to fewer names asks no server"
    other = Asked(names=NAMES, server="https://ca.example/dir")
    assert acme.due(store, account, other, time.time()) == "another server has issued it"
