"""What a scanner that is not ours (gixy) finds wrong with Nginx's rendered files: nothing of medium severity or above."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from targets.common.dialect import translate
from tests.authority import authority
from tests.unit.sites import recorded_site
from tests.unit.test_tls_resources import on_host

GRAVE = {"MEDIUM", "HIGH"}
OF_NO_WEIGHT = {
    # A name that is not served, asked for over a connection that was made for one that is: it is closed (444), as any other.
    "http2_misdirected_request",
    # HSTS goes up in steps, and the first is an hour (docs/tls.md).
    "hsts_header",
}
MEANT = {("self-signed", "hsts_header")}
"""A browser that was told to insist on TLS would refuse a site for good whose certificate it cannot check."""
MODES = ("off", "self-signed", "files", "acme")
TOLD = {
    "docker": "nginx version: nginx/1.30.0\nbuilt with OpenSSL 3.5.0",
    "host": "nginx version: nginx/1.22.1\nbuilt with OpenSSL 3.0.0",
}
MISTAKES = {
    "alias_traversal": "location /files { alias /srv/files/; }",
    "host_spoofing": "location / { proxy_set_header Host $http_host; proxy_pass http://app; }",
}


def config(mode: str) -> dict[str, Any]:
    """A site with all that there can be in front of one."""
    _, chain, key = authority().issue(["shop.example", "www.shop.example"])
    tls = {"files": {"certificate": chain, "key": key}, "acme": {"acmeServer": "https://ca.example/dir"}}.get(mode, {})
    return {
        "tls": {"mode": mode, **tls},
        "domains": ["shop.example"],
        "redirects": ["www.shop.example"],
        "trustedProxies": ["10.0.0.0/8"],
        "limits": {"requestsPerSecond": 20, "connections": 50, "login": {"paths": ["/admin/login/"]}},
        "maintenance": True,
    }


def docker(mode: str) -> tuple[str, str]:
    """Nginx's file in the container, and what says who is shown the maintenance page."""
    request = recorded_site(**config(mode), httpPort="80", httpsPort="443").step("proxy").request
    return request["configuration"], request["maintenance"]


def host(mode: str) -> tuple[str, str]:
    """The site beside the one that refuses other names, in what a distribution's own file has around them."""
    one = {"target": "host", "hosts": [{"address": "web1", "hostKey": "ssh-ed25519 AAAA"}]}
    request = on_host(**config(mode), **one).step("proxy").request["request"]
    sites = "\n".join(request[name] for name in ("site", "default", "tls_default"))
    return f"events {{}}\nhttp {{\n{sites}\n}}\n", request["maintenance"]


def write(path: Path, text: str, maintenance: str) -> Path:
    """The file, with what it includes beside it."""
    included = {"mime.types": "types { text/html html; }", "upstream.conf": "server unix:/run/shop/live.sock;"}
    for name, content in {**included, "maintenance.geo": maintenance}.items():
        path.with_name(name).write_text(content)
    text = re.sub(r"include \S*/(\S+);", rf"include {path.parent}/\1;", text)
    assert all(Path(found).exists() for found in re.findall(r"include (\S+);", text)), text
    path.write_text(text)
    return path


def gixy(*paths: Path) -> dict[str, set[tuple[str, str]]]:
    """Name of each file with findings -> severity and plugin of each; it says nothing of its own, such as what it cannot read."""
    command = [str(Path(sys.executable).with_name("gixy")), "-f", "json", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    found: dict[str, set[tuple[str, str]]] = {}
    for one in json.loads(done.stdout):
        found.setdefault(Path(one["path"]).name, set()).add((one["severity"], one["plugin"]))
    return found


@pytest.mark.parametrize("target", [docker, host])
def test_a_scanner_finds_nothing_grave_whoever_ends_tls_and_would_find_a_mistake(target: Any, tmp_path: Path) -> None:
    paths = []
    for mode in MODES:
        text, maintenance = target(mode)
        text = translate(text, TOLD[target.__name__], "/etc/gateway/nobody")
        assert ("ssl_certificate " in text) == (mode != "off")
        paths.append(write(tmp_path / mode, text, maintenance))
    for plugin, mistake in MISTAKES.items():
        spoilt = text.replace("    location /static/", f"    {mistake}\n    location /static/", 1)
        paths.append(write(tmp_path / plugin, spoilt, maintenance))
    found = gixy(*paths)
    grave = {(name, plugin) for name, findings in found.items() for severity, plugin in findings if severity in GRAVE}
    assert grave == MEANT | {(plugin, plugin) for plugin in MISTAKES}
    assert {plugin for findings in found.values() for _, plugin in findings} <= OF_NO_WEIGHT | set(MISTAKES)
