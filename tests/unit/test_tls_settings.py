"""What follows from ``tls`` in the config, and what does not go with it."""

from typing import Any

import pytest

from rendering.nginx import rendered_from
from settings.tls import LETS_ENCRYPT, certificate, warnings
from tests.unit.conftest import DEV, SECRET, error_of, errors_of, settings_of

HOST = {"address": "10.0.0.1", "hostKey": "ssh-ed25519 AAAA"}


def test_yaml_reads_a_bare_off_as_false_and_that_is_off() -> None:
    assert settings_of(tls={"mode": False}).tls.mode == "off"


@pytest.mark.parametrize(
    ("changes", "origins"),
    [
        ({}, ("http://localhost:8080",)),
        ({"tls": {"mode": "self-signed"}}, ("https://localhost:8443",)),
        ({"tls": {"mode": "self-signed"}, "httpsPort": "443"}, ("https://localhost",)),
        ({"tls": {"mode": "self-signed"}, "target": "host", "hosts": [HOST]}, ("https://localhost",)),
    ],
)
def test_origins_are_those_that_browsers_send(changes: dict[str, Any], origins: tuple[str, ...]) -> None:
    assert settings_of(**changes).origins == origins


def test_http_origins_are_refused_where_browsers_come_with_tls() -> None:
    error = error_of(tls={"mode": "self-signed"}, env={"CSRF_TRUSTED_ORIGINS": "http://localhost:8443"})
    assert (error.key, error.got) == ("env.CSRF_TRUSTED_ORIGINS", "'http://localhost:8443' with tls.mode 'self-signed'")


@pytest.mark.parametrize(
    ("tls", "key"),
    [
        ({"mode": "off", "email": "a@b.example"}, "tls.email"),
        ({"mode": "self-signed", "certificateFile": "x"}, "tls.certificateFile"),
        ({"mode": "self-signed", "acmeServer": "https://ca.example/dir"}, "tls.acmeServer"),
        ({"mode": "off", "hstsSeconds": 60}, "tls.hstsSeconds"),
        ({"mode": "off", "key": "x"}, "tls.key"),
    ],
)
def test_what_means_nothing_in_a_mode_is_refused(tls: dict[str, Any], key: str) -> None:
    assert error_of(tls=tls).key == key


def test_files_need_a_certificate_and_a_key_each_once() -> None:
    assert [error.key for error in errors_of(tls={"mode": "files"})] == ["tls.certificate", "tls.key"]


@pytest.mark.parametrize("name", ["localhost", "shop", "10.0.0.1", "shop.local", "shop.internal"])
def test_a_public_ca_is_not_asked_for_a_name_that_it_cannot_issue_for(name: str) -> None:
    error = error_of(domains=[name], tls={"mode": "acme"})
    assert (error.key, error.got) == ("domains", f"'{name}' with tls.mode 'acme'")
    assert settings_of(domains=[name], tls={"mode": "acme", "acmeServer": "https://ca.example/dir"}).tls.on


def test_acme_on_several_hosts_is_refused_with_what_does() -> None:
    hosts = [HOST, {**HOST, "address": "10.0.0.2"}]
    error = error_of(domains=["shop.example"], target="host", hosts=hosts, tls={"mode": "acme"})
    assert (error.key, error.takes) == ("tls.mode", "acme with one host; files for several")


def test_acme_asks_lets_encrypt_unless_told_otherwise_for_every_name() -> None:
    settings = settings_of(domains=["shop.example"], redirects=["www.shop.example"], tls={"mode": "acme"}, httpPort="80")
    spec = certificate(settings)
    assert spec is not None
    assert (spec.server, spec.names) == (LETS_ENCRYPT, ("shop.example", "www.shop.example"))
    assert warnings(settings) == ()


def test_acme_behind_another_port_says_what_has_to_lead_there() -> None:
    (said,) = warnings(settings_of(domains=["shop.example"], tls={"mode": "acme"}))
    assert "port 80 of shop.example: it has to lead to httpPort 8080" in said


def test_one_port_for_both_is_refused() -> None:
    assert error_of(tls={"mode": "self-signed"}, httpPort="8443").key == "httpsPort"


def test_a_name_is_served_or_redirected_and_not_both() -> None:
    assert error_of(domains=["a.example"], redirects=["a.example"]).key == "redirects"


def test_hsts_starts_short_and_not_at_all_with_a_certificate_of_ones_own() -> None:
    acme = {"mode": "acme", "acmeServer": "https://ca.example/dir"}
    assert settings_of(tls=acme).tls.hsts == 3600
    assert settings_of(tls={**acme, "hstsSeconds": 0}).tls.hsts == 0
    assert settings_of(tls={"mode": "self-signed"}).tls.hsts == 0
    assert settings_of(tls={"mode": "self-signed", "hstsSeconds": 60}).tls.hsts == 60


def test_another_certificate_is_no_change_of_nginx_and_another_hsts_is() -> None:
    def of(**more: Any) -> str:
        tls = {"mode": "acme", "acmeServer": "https://ca.example/dir", **more}
        return rendered_from(settings_of(DEV, tls=tls, secrets={"SECRET_KEY": SECRET}))

    assert of() == of(email="me@shop.example")
    assert of() != of(hstsSeconds=60)
