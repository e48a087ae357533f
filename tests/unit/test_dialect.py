"""One text of Nginx's, in the words of the versions that hosts have."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from targets.common import pairs
from targets.common.dialect import needs_nobody, translate, versions
from tests.unit.test_nginx_text import tls_text

UBUNTU_22 = "nginx version: nginx/1.18.0 (Ubuntu)\nbuilt with OpenSSL 3.0.2 15 Mar 2022\n"
DEBIAN_12 = "nginx version: nginx/1.22.1\nbuilt with OpenSSL 3.0.8 7 Feb 2023 (running with OpenSSL 3.0.15 3 Sep 2024)\n"
DEBIAN_13 = "nginx version: nginx/1.26.3\nbuilt with OpenSSL 3.5.0 8 Apr 2025 (running with OpenSSL 3.5.4 30 Sep 2025)\n"
TEXT = tls_text()


def test_versions_are_read_and_what_is_not_told_is_taken_for_old() -> None:
    assert versions(DEBIAN_12) == ((1, 22, 1), (3, 0))
    assert versions(DEBIAN_13) == ((1, 26, 3), (3, 5))
    assert versions("nothing") == ((0,), (0,))


def test_http2_is_a_directive_where_the_word_of_listen_is_warned_of() -> None:
    old, new = translate(TEXT, DEBIAN_12, "/n"), translate(TEXT, DEBIAN_13, "/n")
    assert "listen 443 ssl http2;" in old
    assert "listen 443 ssl http2 default_server;" in old
    assert "ssl http2" not in new
    assert new.count("http2 on;") == new.count("listen 443 ssl") == old.count("ssl http2")
    assert "listen 443 ssl default_server;" in new


def test_a_name_is_refused_without_a_certificate_where_nginx_can_do_that() -> None:
    assert "ssl_reject_handshake on;" in translate(TEXT, DEBIAN_12, "/n")
    assert not needs_nobody(TEXT, DEBIAN_12)
    assert needs_nobody(TEXT, UBUNTU_22)
    old = translate(TEXT, UBUNTU_22, "/n")
    assert "ssl_reject_handshake" not in old
    assert "ssl_conf_command" not in old
    assert old.count("ssl_certificate /n/fullchain.pem;") == 1
    assert "ssl_certificate_key /n/privkey.pem;" in old


def test_a_curve_that_openssl_does_not_know_is_left_out() -> None:
    assert "ssl_ecdh_curve X25519:prime256v1:secp384r1;" in translate(TEXT, DEBIAN_12, "/n")
    assert "ssl_ecdh_curve ?X25519MLKEM768:X25519:prime256v1:secp384r1;" in translate(TEXT, DEBIAN_13, "/n")


def test_what_has_no_tls_is_left_as_it_is() -> None:
    text = "server {\n    listen 80 default_server;\n}\n"
    assert [translate(text, told, "/n") for told in (UBUNTU_22, DEBIAN_12, DEBIAN_13)] == [text] * 3


NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@pytest.mark.skipif(NGINX is None, reason="no nginx on this machine (apt-get install nginx-light)")
@pytest.mark.parametrize("older", [False, True], ids=["its-own", "as-for-1.18"])
def test_nginx_itself_accepts_it(tmp_path: Path, older: bool) -> None:
    own = subprocess.run([str(NGINX), "-V"], capture_output=True, text=True, check=True).stderr
    told = own.replace(f"nginx/{'.'.join(map(str, versions(own)[0]))}", "nginx/1.18.0") if older else own
    store = pairs.Store(tmp_path / "tls")
    store.prepare()
    pairs.self_made(store, ["shop.example"], 0)
    text = translate(tls_text(tls_root=str(tmp_path / "tls")), told, str(tmp_path / "tls/live"))
    temporary = "".join(f"    {kind}_temp_path {tmp_path}/{kind};\n" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    for before, after in (
        ("user www-data;\n", ""),
        ("pid /run/nginx.pid;", f"pid {tmp_path}/nginx.pid;"),
        ("/tmp/gateway-body", f"{tmp_path}/body"),
        ("listen 80", f"listen unix:{tmp_path}/80"),
        ("listen 443", f"listen unix:{tmp_path}/443"),
        ("/dev/stdout", f"{tmp_path}/access.log"),
        ("http {\n", "http {\n" + temporary),
    ):
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "nginx.conf").write_text(text)
    test = [str(NGINX), "-t", "-q", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"]
    result = subprocess.run(test, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr if not older else "") == (0, "")


def test_no_connection_is_kept_where_its_life_has_no_limit() -> None:
    kept, none = translate(TEXT, DEBIAN_12, "/n"), translate(TEXT, UBUNTU_22, "/n")
    assert "keepalive_time " in kept
    assert "keepalive 64;" in kept
    assert "keepalive_time " not in none
    assert "keepalive 64;" not in none
    assert "keepalive_timeout 75s;" in none, "that one is the browsers'"
