"""Nginx's file as text, and before Nginx itself where there is one."""

import inspect
import os
import re
import shutil
import subprocess
from dataclasses import replace
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


def tls_text(*, hsts: int = 3600, ports: tuple[int, int] = (80, 443), tls_root: str = "/etc/gateway/tls") -> str:
    """With TLS, two names and one that is redirected."""
    own = replace(spec(("shop.example", "shop2.example")), redirects=("www.shop.example",), listen_tls=443, public=ports)
    return configuration(replace(own, tls_root=tls_root, hsts_seconds=hsts))


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


def test_the_app_is_told_the_name_that_chose_the_server_and_not_what_a_client_writes_beside_an_absolute_uri() -> None:
    assert set(re.findall(r"proxy_set_header Host (\S+);", TEXT + tls_text())) == {"$host$host_port"}


def test_a_location_sets_no_headers_of_its_own_and_so_inherits_them_all() -> None:
    assert {"/", "/static/", "/media/"} < set(LOCATIONS)
    assert not [name for name, location in LOCATIONS.items() if "proxy_set_header" in location]


def test_nginx_lets_go_of_a_connection_before_the_shortest_drain_ends() -> None:
    assert f"keepalive_time {seconds.UPSTREAM_SECONDS}s;" in TEXT
    assert f"keepalive_timeout {seconds.UPSTREAM_SECONDS}s;" in TEXT
    assert MINIMUM_DRAIN_SECONDS >= 2 * seconds.UPSTREAM_SECONDS


def test_websockets_and_event_streams_may_be_silent_for_long() -> None:
    streams = [location for name, location in LOCATIONS.items() if name.startswith("@")]
    assert streams
    assert all("proxy_read_timeout 3600s;" in location for location in streams)


def test_no_request_decides_that_its_answer_is_not_buffered() -> None:
    assert "buffering" not in re.sub(r"#.*", "", TEXT)


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


def servers(text: str) -> list[str]:
    return [part.partition("\n    }\n")[0] for part in text.split("    server {\n")[1:]]


def test_without_tls_other_names_lead_to_the_primary_one() -> None:
    text = configuration(replace(spec(), redirects=("www.shop.example",), public=(8080, 8443)))
    assert "server_name www.shop.example;" in text
    assert "return 301 http://shop.example:8080$request_uri;" in text
    assert "ssl" not in text


def test_with_tls_the_plain_port_answers_the_probe_and_an_acme_server_and_leads_on() -> None:
    (plain,) = [part for part in servers(tls_text(ports=(8080, 8443))) if "acme-challenge" in part]
    assert "listen 80;" in plain
    assert "server_name shop.example shop2.example www.shop.example;" in plain
    assert "return 301 https://$host:8443$request_uri;" in plain
    assert re.findall(r"location (.*) \{", plain) == ["^~ /.well-known/acme-challenge/", "= /health/", "/"]
    assert "X-Forwarded-Proto https;" in plain


def test_with_tls_every_server_that_has_it_has_the_same_profile() -> None:
    secure = [part for part in servers(tls_text()) if "listen 443" in part]
    assert len(secure) == 3
    profiles = {tuple(line for line in part.splitlines() if re.match(r" +ssl_(?!certificate|reject)", line)) for part in secure}
    assert len(profiles) == 1
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in "".join(profiles.pop())
    assert not [part for part in secure if "CBC" in part or "DHE-RSA-AES128-GCM" in part.replace("ECDHE", "")]


def test_the_usual_ports_are_not_part_of_an_address() -> None:
    assert "return 301 https://$host$request_uri;" in tls_text()
    assert "return 301 https://shop.example$request_uri;" in tls_text()


def test_hsts_is_told_by_nginx_alone_on_every_location_or_left_to_the_app() -> None:
    (main,) = [part for part in servers(tls_text(hsts=60)) if "proxy_pass" in part and "listen 443" in part]
    own = {name: text for name, text in re.findall(r"location (\S+) \{(.*?)\n {8}\}", main, re.DOTALL) if "add_header" in text}
    assert set(own) == {"/static/", "/media/"}
    assert all('Strict-Transport-Security "max-age=60" always;' in text for text in own.values())
    assert "proxy_hide_header Strict-Transport-Security;" in main
    (left,) = [part for part in servers(tls_text(hsts=0)) if "proxy_pass" in part and "listen 443" in part]
    assert "Strict-Transport-Security" not in left


def test_with_tls_pages_are_not_compressed_and_static_files_are() -> None:
    assert re.findall(r"location (\S+) \{[^}]*\}?[^}]*gzip off;", tls_text()) == ["/", "@stream"]
    assert "gzip off" not in TEXT


def test_an_address_of_its_own_is_listened_on_with_tls_too() -> None:
    own = replace(spec(), address="::1", listen_tls=443, tls_root="/t")
    assert "listen [::1]:443 ssl http2;" in configuration(own)


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
