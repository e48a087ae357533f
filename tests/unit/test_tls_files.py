"""Certificates from files that browsers would not take: refused on the deploying machine, with the reason."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from settings import ConfigErrors, load
from settings.tls import warnings
from tests.authority import NOW, Authority, Signer, authority, new_key, pem, write
from tests.unit.conftest import config, error_of, settings_of


@pytest.fixture(scope="module")
def ca() -> Authority:
    return authority()


def told(folder: Path, chain: str, key: str, **changes: Any) -> str:
    error = error_of(domains=["shop.example"], tls=write(folder, chain, key), **changes)
    assert error.key in ("tls.certificateFile", "tls.keyFile")
    return str(error)


def test_a_sound_pair_is_taken_from_files_and_from_texts(ca: Authority, tmp_path: Path) -> None:
    _, chain, key = ca.issue(["shop.example"])
    assert settings_of(domains=["shop.example"], tls=write(tmp_path, chain, key)).tls.on
    texts = {"mode": "files", "certificate": chain, "key": key}
    assert settings_of(domains=["shop.example"], tls=texts).origins == ("https://shop.example:8443",)


def test_an_expired_one_is_refused_with_its_last_day(ca: Authority, tmp_path: Path) -> None:
    _, chain, key = ca.issue(["shop.example"], begins=NOW - timedelta(days=90), ends=NOW - timedelta(days=2))
    assert f"expired on {NOW - timedelta(days=2):%Y-%m-%d}" in told(tmp_path, chain, key)


def test_one_that_is_not_valid_yet_is_refused(ca: Authority, tmp_path: Path) -> None:
    _, chain, key = ca.issue(["shop.example"], begins=NOW + timedelta(days=2))
    assert f"is valid from {NOW + timedelta(days=2):%Y-%m-%d}" in told(tmp_path, chain, key)


def test_a_key_of_another_certificate_is_refused(ca: Authority, tmp_path: Path) -> None:
    _, chain, _ = ca.issue(["shop.example"])
    assert "a key that does not belong to the certificate" in told(tmp_path, chain, pem(new_key()))


def test_a_certificate_without_its_chain_is_refused(ca: Authority, tmp_path: Path) -> None:
    alone, _, key = ca.issue(["shop.example"])
    error = told(tmp_path, alone, key)
    assert "without its chain (signed by CN=Test CA)" in error
    assert "fullchain.pem" in error


def test_a_chain_of_another_ca_is_refused(ca: Authority, tmp_path: Path) -> None:
    alone, _, key = ca.issue(["shop.example"])
    assert "followed by CN=Test CA, which has not signed it" in told(tmp_path, alone + authority().middle.text, key)


def test_a_chain_in_the_wrong_order_is_refused(ca: Authority, tmp_path: Path) -> None:
    alone, _, key = ca.issue(["shop.example"])
    (tmp_path / "x").mkdir()
    with pytest.raises(ConfigErrors, match=r"CN=Test CA first.*takes the site's own certificate first"):
        load(config(domains=["shop.example"], tls=write(tmp_path, ca.middle.text + alone, key)), "prod")


def test_a_name_that_it_is_not_for_is_refused(ca: Authority, tmp_path: Path) -> None:
    _, chain, key = ca.issue(["shop.example"])
    error = told(tmp_path, chain, key, redirects=["www.shop.example"])
    assert "a certificate for shop.example and not for www.shop.example" in error


def test_a_star_stands_for_one_label(ca: Authority, tmp_path: Path) -> None:
    _, chain, key = ca.issue(["*.example"])
    assert settings_of(domains=["shop.example"], tls=write(tmp_path, chain, key)).tls.on
    assert "not for a.shop.example" in str(error_of(domains=["a.shop.example"], tls=write(tmp_path, chain, key)))


def test_a_ca_that_has_expired_is_refused(ca: Authority, tmp_path: Path) -> None:
    key = new_key()
    alone, _, _ = ca.issue(["Old CA"], key=key, ends=NOW - timedelta(hours=2))
    from cryptography import x509

    old = Signer(key, x509.load_pem_x509_certificate(alone.encode()))
    _, chain, leaf_key = ca.issue(["shop.example"], by=old)
    assert "CN=Old CA expired on" in told(tmp_path, chain, leaf_key)


def test_one_that_is_not_for_servers_is_refused(ca: Authority, tmp_path: Path) -> None:
    _, chain, key = ca.issue(["shop.example"], servers=False)
    assert "not for servers" in told(tmp_path, chain, key)


def test_a_weak_key_and_a_locked_one_are_refused(ca: Authority, tmp_path: Path) -> None:
    weak, own = new_key(1024), new_key()
    _, chain, key = ca.issue(["shop.example"], key=weak)
    assert "an RSA key of 1024 bits" in told(tmp_path, chain, key)
    _, chain, _ = ca.issue(["shop.example"], key=own)
    assert "a key with a passphrase" in told(tmp_path, chain, pem(own, "secret"))


@pytest.mark.parametrize(("chain", "key", "words"), [("x", "x", "no certificate in PEM form"), ("", "x", "no certificate")])
def test_what_is_no_certificate_is_refused(tmp_path: Path, chain: str, key: str, words: str) -> None:
    assert words in told(tmp_path, chain or "\n", key)


def test_what_is_no_key_is_refused_and_not_repeated(ca: Authority, tmp_path: Path) -> None:
    _, chain, _ = ca.issue(["shop.example"])
    error = told(tmp_path, chain, "-----BEGIN PRIVATE KEY-----\nabcd-secret\n-----END PRIVATE KEY-----\n")
    assert "no private key in PEM form" in error
    assert "abcd-secret" not in error


def test_a_file_that_is_not_there_is_told_with_where_it_is_looked_for(tmp_path: Path) -> None:
    tls = {"mode": "files", "certificateFile": str(tmp_path / "none.pem"), "keyFile": str(tmp_path / "none.pem")}
    with pytest.raises(ConfigErrors, match=r"which cannot be read .No such file.*on the machine that deploys"):
        load(config(tls=tls), "prod")


def test_one_that_ends_soon_is_taken_and_told_of(ca: Authority, tmp_path: Path) -> None:
    _, chain, key = ca.issue(["shop.example"], ends=NOW + timedelta(days=5))
    (said,) = warnings(settings_of(domains=["shop.example"], tls=write(tmp_path, chain, key)))
    assert "in 4 days" in said
    _, chain, key = ca.issue(["shop.example"])
    assert warnings(settings_of(domains=["shop.example"], tls=write(tmp_path, chain, key))) == ()


def test_a_key_in_plain_config_is_refused(ca: Authority) -> None:
    _, chain, key = ca.issue(["shop.example"])
    tls = {"mode": "files", "certificate": chain, "key": key}
    with pytest.raises(ConfigErrors, match=r"tls.key: got a key in plain text") as caught:
        load(config(domains=["shop.example"], tls=tls), "prod", encrypted=["gateway:secrets"])
    assert key.splitlines()[1] not in str(caught.value)
    assert load(config(domains=["shop.example"], tls=tls), "prod", encrypted=["gateway:secrets", "gateway:tls"]).tls.on
