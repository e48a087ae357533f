"""systemd units as text: what a person who reads them on the host relies on."""

import re
from typing import Any

import pytest

from rendering import units
from rendering.seconds import STOP_SECONDS
from rendering.servers import ServerSpec, argv
from settings.model import SERVERS

ALL = [(interface, server) for interface, servers in SERVERS.items() for server in servers]


def spec(**changes: Any) -> units.UnitSpec:
    values: dict[str, Any] = {
        "app": "shop",
        "instance": "0123456789",
        "interface": "wsgi",
        "server": "gunicorn",
        "release": "9876543210",
        "user": "shop",
        "release_folder": "/srv/shop/releases/9876543210",
        "env_file": "/etc/shop/env/aaaaaaaaaa.env",
        "program": "/srv/shop/releases/9876543210/.gateway/venv/bin",
        "argv": ["gunicorn", "shop.wsgi:application"],
        "environment": [("GATEWAY_INTERFACE", "wsgi")],
        "listen": "/run/shop/0123456789.sock",
        "writable": ["/srv/shop/media", "/srv/shop/data"],
    }
    return units.UnitSpec(**{**values, **changes})


def value(text: str, name: str) -> str:
    found = re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)
    assert len(found) == 1, (name, found)
    return str(found[0])


@pytest.mark.parametrize(("interface", "server"), ALL)
def test_only_a_server_that_tells_when_it_is_ready_is_waited_for(interface: Any, server: Any) -> None:
    command = argv(ServerSpec(interface=interface, server=server, entry_point="shop.x:application"))
    text = units.service(spec(interface=interface, server=server, argv=command))
    assert value(text, "Type") == ("notify" if server.startswith("gunicorn") else "exec")
    assert value(text, "ExecStart").startswith(f"/srv/shop/releases/9876543210/.gateway/venv/bin/{command[0]} ")


def test_systemd_waits_longer_than_the_server_itself_needs_to_stop() -> None:
    assert int(value(units.service(spec()), "TimeoutStopSec")) >= STOP_SECONDS + 10


def test_crashes_are_limited_and_the_unit_rests_before_it_gets_another_chance() -> None:
    text = units.service(spec())
    assert value(text, "Restart") == "always"
    delay = float(value(text, "RestartSec").removesuffix("ms")) / 1000
    burst, interval = int(value(text, "StartLimitBurst")), int(value(text, "StartLimitIntervalSec"))
    assert delay * burst < interval, "or the limit would never be reached"
    assert value(text, "OnFailure") == "shop-again@0123456789.service"
    assert "reset-failed shop-%i.service shop-%i.socket" in units.again(spec())


def test_secrets_are_in_the_env_file_and_the_unit_only_names_it() -> None:
    text = units.service(spec())
    assert value(text, "EnvironmentFile") == "/etc/shop/env/aaaaaaaaaa.env"
    assert value(text, "Environment") == "GATEWAY_INTERFACE=wsgi"


def test_the_socket_is_for_nginx_and_the_site_alone_and_outlives_the_server() -> None:
    text = units.socket(spec())
    assert value(text, "SocketMode") == "0660"
    assert (value(text, "SocketUser"), value(text, "SocketGroup")) == ("shop", "www-data")
    assert value(text, "ListenStream") == "/run/shop/0123456789.sock"
    assert "RuntimeDirectory" not in units.service(spec()), "it would take the socket away when the server stops"


def test_the_plain_form_listens_on_a_port_of_the_loopback_address_as_www_data() -> None:
    plain = spec(user="www-data", port=20017, listen="127.0.0.1:20017")
    assert value(units.socket(plain), "ListenStream") == "127.0.0.1:20017"
    assert "SocketUser" not in units.socket(plain)
    assert value(units.service(plain), "SupplementaryGroups") == "shop"


def test_memory_limits_are_those_of_the_config_or_none() -> None:
    assert "Memory" not in units.service(spec())
    text = units.service(spec(memory_high="400M", memory_max="512M"))
    assert (value(text, "MemoryHigh"), value(text, "MemoryMax")) == ("400M", "512M")


@pytest.mark.parametrize(
    ("word", "quoted"),
    [("--bind", "--bind"), ("100%", "100%%"), ("a b", '"a b"'), ('say "x"', '"say \\"x\\""'), ("$HOME", "$$HOME"), ("*", '"*"')],
)
def test_a_word_of_the_command_line_reaches_the_program_as_it_is(word: str, quoted: str) -> None:
    assert units.quoted(word) == quoted


def test_no_text_has_empty_lines_in_a_row_nor_a_template_mark() -> None:
    for text in (units.service(spec()), units.socket(spec()), units.again(spec())):
        assert "\n\n\n" not in text
        assert "{" not in text
