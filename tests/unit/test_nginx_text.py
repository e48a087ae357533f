"""Nginx's file as text, and before Nginx itself where there is one."""

import inspect
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from rendering import seconds
from rendering.nginx import ProxySpec, configuration
from rendering.templates import render
from targets.docker.agent.instances import MINIMUM_DRAIN_SECONDS


def spec(
    domains: tuple[str, ...] = ("shop.example",), listen: int = 80, static: str = "/srv/static/files", body: int = 20
) -> ProxySpec:
    return ProxySpec(
        domains=domains,
        listen=listen,
        live_socket="/run/gateway/live.sock",
        static_root=static,
        media_root="/srv/media",
        body_limit_mb=body,
    )


TEXT = configuration(spec())
LOCATIONS = dict(re.findall(r"^ +location (\S+) (\{(?:[^{}]|\{[^{}]*\})*\})", TEXT, re.MULTILINE))


def test_traffic_goes_to_the_link_and_to_nothing_that_a_release_could_change() -> None:
    assert re.findall(r"server unix:(\S+)", TEXT) == ["/run/gateway/live.sock"]
    assert set(re.findall(r"proxy_pass (\S+);", TEXT)) == {"http://app"}
    assert set(inspect.signature(ProxySpec).parameters).isdisjoint({"interface", "release", "instance", "server"})


def test_every_domain_is_served_and_any_other_is_closed() -> None:
    text = configuration(spec(("shop.example", "www.shop.example")))
    assert "server_name shop.example www.shop.example;" in text
    default = text[text.index("default_server") :][:400]
    assert "return 444;" in default


@pytest.mark.parametrize(
    "header", ["X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Ssl", "X-Forwarded-Protocol", "Forwarded"]
)
def test_a_header_that_a_client_could_forge_is_emptied(header: str) -> None:
    assert f'proxy_set_header {header} "";' in TEXT


def test_the_client_address_is_overwritten_and_never_appended() -> None:
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in TEXT
    assert "$proxy_add_x_forwarded_for" not in TEXT


def test_a_location_sets_no_headers_of_its_own_and_so_inherits_them_all() -> None:
    assert {"/", "/static/", "/media/"} < set(LOCATIONS)
    assert not [name for name, location in LOCATIONS.items() if "proxy_set_header" in location]


def test_nginx_lets_go_of_a_connection_before_the_shortest_drain_ends() -> None:
    assert f"keepalive_time {seconds.UPSTREAM_SECONDS}s;" in TEXT
    assert f"keepalive_timeout {seconds.UPSTREAM_SECONDS}s;" in TEXT
    assert MINIMUM_DRAIN_SECONDS >= 2 * seconds.UPSTREAM_SECONDS


def test_websockets_and_event_streams_may_be_silent_for_long_and_are_not_buffered() -> None:
    streams = [location for name, location in LOCATIONS.items() if name.startswith("@")]
    assert streams
    assert all("proxy_read_timeout 3600s;" in location for location in streams)
    assert any("proxy_buffering off;" in location for location in streams)


def test_body_limit_and_port_are_those_of_the_config() -> None:
    text = configuration(spec(listen=8081, body=7))
    assert "client_max_body_size 7m;" in text
    assert text.count("listen 8081") == 2


def test_static_files_have_a_slash_on_both_sides_so_that_none_outside_is_reached() -> None:
    assert re.findall(r"location /(\w+)/ \{\s+alias (\S+);", TEXT) == [("static", "/srv/static/files/"), ("media", "/srv/media/")]


def test_uploads_are_shown_and_never_run() -> None:
    assert "sandbox" in LOCATIONS["/media/"]
    assert "nosniff" in LOCATIONS["/media/"]


def test_a_name_that_nobody_gave_is_an_error_and_not_an_empty_place() -> None:
    with pytest.raises(UndefinedError):
        render("nginx/nginx.conf.j2")
    with pytest.raises(UndefinedError):
        render("docker/release.Dockerfile.j2", base="x")


def test_values_are_not_escaped_as_if_for_html() -> None:
    assert "alias /srv/a&b/;" in configuration(spec(static="/srv/a&b"))


NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine (apt-get install nginx-light)")
@pytest.mark.parametrize(
    "given",
    [
        spec(),
        spec(("localhost",)),
        spec(("a.example", "b.example", "x" * 60 + ".example.org")),
        spec(tuple(f"{'n' * 60}.{i}.{'m' * 60}.example" for i in range(40))),
        spec(static="/srv/other", body=10240),
    ],
    ids=["plain", "localhost", "three", "many-long", "large"],
)
def test_nginx_itself_accepts_it(given: ProxySpec, tmp_path: Path) -> None:
    text = configuration(given)
    # Without root: Nginx may neither switch users nor take port 80, nor write where Debian's one does.
    own = "".join(f"    {kind}_temp_path {tmp_path}/{kind};\n" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    for old, new in (
        ("user www-data;\n", ""),
        ("pid /run/nginx.pid;", f"pid {tmp_path}/nginx.pid;"),
        ("/tmp/gateway-body", f"{tmp_path}/body"),
        ("listen 80", "listen unix:" + str(tmp_path / "80")),
        ("/dev/stdout", f"{tmp_path}/access.log"),
        ("http {\n", "http {\n" + own),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "nginx.conf").write_text(text)
    test = [str(NGINX), "-t", "-q", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"]
    result = subprocess.run(test, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert result.returncode == 0
