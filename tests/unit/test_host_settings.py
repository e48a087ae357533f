"""Keys of the host target: what is missing or wrong is told with the command that mends it, and a login key is never shown."""

from typing import Any

import pytest

from settings import ConfigErrors, load
from targets import choose
from tests.unit.conftest import config, error_of, errors_of, settings_of

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN3XjL0FqyHlzP8oQpQ6zGx4nMPQw1kR0N5rPqEtTQ2b"


def host(**changes: Any) -> dict[str, Any]:
    return {"address": "web1.example", "hostKey": KEY, **changes}


def hosts(*many: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"target": "host", "hosts": list(many), **changes}


def test_a_host_has_port_80_for_the_site_and_root_on_port_22_for_the_login() -> None:
    settings = settings_of(**hosts(host()))
    (connection,) = choose.connections(settings)
    assert settings.port == 80
    assert (connection.user, connection.port, connection.host_key) == ("root", 22, KEY)


def test_the_comment_of_a_host_key_is_no_part_of_it() -> None:
    (connection,) = choose.connections(settings_of(**hosts(host(hostKey=f"{KEY} root@web1"))))
    assert connection.host_key == KEY


def test_a_missing_host_key_is_told_with_the_command_that_shows_it() -> None:
    error = error_of(**hosts({"address": "web1.example", "port": 2222}))
    assert (error.key, error.got) == ("hosts[0].hostKey", "nothing")
    assert "`ssh-keyscan -p 2222 -t ed25519 web1.example`" in error.takes
    assert "/etc/ssh/ssh_host_ed25519_key.pub" in error.takes


def test_this_very_machine_needs_no_key() -> None:
    (connection,) = choose.connections(settings_of(**hosts({"address": "local"})))
    assert connection.local


def test_a_bastion_needs_its_own_host_key() -> None:
    error = error_of(**hosts(host(proxy={"address": "gate.example"})))
    assert error.key == "hosts[0].proxy.hostKey"
    (connection,) = choose.connections(settings_of(**hosts(host(proxy={"address": "gate.example", "hostKey": KEY}))))
    assert connection.proxy is not None
    assert connection.proxy.address == "gate.example"


@pytest.mark.parametrize(
    ("changes", "key", "takes"),
    [
        (hosts(), "hosts", "pulumi config set --path gateway:hosts[0].address local"),
        (hosts(host(), host()), "hosts", "each host once"),
        (hosts(host(), services={"postgres": True}), "services.postgres", "DATABASE_URL"),
        (hosts(host(privateKey="k", keyFile="f")), "hosts[0].keyFile", "one of the two"),
        (hosts(host(hostKey="abc")), "hosts[0].hostKey", "ssh-keyscan -t ed25519 ADDRESS"),
        (hosts(host(user="Root")), "hosts[0].user", "passwordless sudo"),
        (hosts(host(), memory={"max": "lots"}), "memory.max", "512M"),
        (hosts(host(), rolling="0"), "rolling", "1 to 100"),
        (hosts(host(), serving="http"), "serving", "socket (own user, unix sockets) or tcp"),
        ({"hosts": [host()]}, "hosts", "target host"),
    ],
)
def test_what_cannot_work_is_refused_with_what_is_taken(changes: dict[str, Any], key: str, takes: str) -> None:
    error = error_of(**changes)
    assert error.key == key
    assert takes in error.takes


def test_an_unknown_key_of_a_host_is_told_with_the_nearest_known_one() -> None:
    error = error_of(**hosts(host(hostkey=KEY)))
    assert (error.key, error.got) == ("hosts[0].hostkey", "an unknown key (did you mean hostKey?)")


def test_a_login_key_in_plain_text_is_refused() -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(config(**hosts(host(privateKey="-----BEGIN"))), "prod", frozenset({"gateway:secrets"}))
    assert "privateKey: got a key in plain text" in str(caught.value)
    assert "-----BEGIN" not in str(caught.value)
    load(config(**hosts(host(privateKey="-----BEGIN"))), "prod", frozenset({"gateway:secrets", "gateway:hosts"}))


@pytest.mark.parametrize("wrong", [{"privateKey": 7}, {"privateKey": ["-----BEGIN-----"]}, {"address": "a b", "privateKey": "x"}])
def test_no_message_repeats_a_login_key(wrong: dict[str, Any]) -> None:
    told = "\n".join(map(str, errors_of(**hosts({**host(), **wrong}))))
    assert "BEGIN" not in told
    assert "hosts[0]" in told
