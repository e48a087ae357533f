"""What is kept of certificates on the machine that serves, and which one serves."""

import os
import time
from pathlib import Path

import pytest

from targets.common import pairs
from targets.common.acme import Account, Asked, configuration, place, reason
from targets.common.certificates import ensure, words
from targets.common.errors import AgentError
from targets.common.pairs import DAY, Store, self_made
from tests.authority import authority, new_key, pem

NAMES = ("shop.example", "www.shop.example")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "tls")
    store.prepare()
    return store


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path / "acme")


def test_a_self_made_one_is_made_once_and_anew_before_it_ends_or_for_other_names(store: Store) -> None:
    now = time.time()
    first = self_made(store, NAMES, now)
    assert first.names == NAMES
    assert self_made(store, NAMES, now + 300 * DAY) == first
    assert self_made(store, NAMES, now + 380 * DAY) != first
    assert self_made(store, NAMES[:1], now).names == NAMES[:1]
    assert self_made(store, NAMES, now).names == NAMES


def test_keys_are_for_root_alone_and_challenges_for_all(store: Store) -> None:
    pair = self_made(store, NAMES, time.time())
    modes = [path.stat().st_mode & 0o777 for path in (pair.folder / "privkey.pem", pair.folder.parent, store.challenge)]
    assert modes == [0o600, 0o700, 0o755]


def test_what_serves_is_one_link_and_the_newest_few_are_kept(store: Store) -> None:
    ca = authority()
    made = [store.install("files", *ca.issue(NAMES)[1:]) for _ in range(5)]
    assert os.readlink(store.live) == f"pairs/{made[-1].folder.name}"
    assert made[-1] in store.kept("files")
    assert len(store.kept("files")) <= pairs.KEPT + 1
    assert sorted(path.name for path in store.root.iterdir()) == ["challenge", "live", "pairs"]


def test_a_pair_that_does_not_fit_never_becomes_the_one_that_serves(store: Store) -> None:
    ca = authority()
    good = store.install("files", *ca.issue(NAMES)[1:])
    with pytest.raises(AgentError, match="does not belong to the certificate"):
        store.install("files", ca.issue(NAMES)[1], pem(new_key()))
    assert store.serving() == good
    assert len(store.kept("files")) == 1


def test_until_a_server_has_issued_a_self_made_one_serves_and_afterwards_never_again(store: Store, account: Account) -> None:
    asked = Asked(names=NAMES, server="https://ca.example/dir")
    assert place(store, account, asked).source == "self"
    issued = store.install("acme", *authority().issue(NAMES)[1:])
    self_made(store, NAMES, time.time())
    assert place(store, account, asked) == issued
    more = Asked(names=(*NAMES, "new.example"), server="https://ca.example/dir")
    assert place(store, account, more) == issued, "a new name takes nothing from the others"


def test_another_mode_and_back_loses_no_certificate(store: Store, account: Account) -> None:
    issued = store.install("acme", *authority().issue(NAMES)[1:])
    assert ensure(store, account, {"mode": "self-signed", "names": NAMES}).source == "self"
    asked = {"mode": "acme", "names": NAMES, "server": "https://ca.example/dir", "email": "", "ca": ""}
    assert ensure(store, account, asked) == issued
    assert words(store).startswith("acme until ")


def test_the_clients_configuration_quotes_what_a_person_wrote() -> None:
    asked = Asked(names=NAMES, server="https://ca.example/dir;id", email="a$(id)@b.example", ca="x")
    text = configuration(asked, Path("/etc/shop/acme"), Path("/etc/shop/tls/challenge"))
    assert "CA='https://ca.example/dir;id'\n" in text
    assert "CONTACT_EMAIL='a$(id)@b.example'\n" in text
    assert "CURL_OPTS='--cacert /etc/shop/acme/ca.pem'\n" in text


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ('x\n["error","detail"]\t"DNS problem: no \\"A\\" record"\n', "DNS problem: no 'A' record"),
        (' + Signing\n  + ERROR: An error occurred (Status 429)\n\n{"detail": "too many certificates"}', "too many certificates"),
        ("# INFO\ncurl: (7) Failed to connect to ca port 443\nERROR: x", "curl: (7) Failed to connect to ca port 443"),
        ("\n", "it gave no reason"),
    ],
)
def test_the_servers_own_words_are_the_reason(log: str, told: str) -> None:
    assert reason(log) == told
