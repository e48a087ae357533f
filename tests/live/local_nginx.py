"""This machine's own Nginx on the rendered file, with an app behind it that tells what it was asked: seconds, no container."""

import contextlib
import json
import os
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from rendering.nginx import ProxySpec, configuration, default_site, site
from tests.ports import free_port

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class _App(BaseHTTPRequestHandler):
    """Answers every request with what it was: method, path, headers in order."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        told = {"method": self.command, "path": self.path, "headers": self.headers.items(), "body": len(body)}
        self.server.asked.append(told)
        time.sleep(self.server.silent_seconds)
        text = json.dumps(told).encode()
        self.send_response(self.server.status)
        for name, value in {"Content-Length": str(len(text)), **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_HEAD = do_PUT = do_OPTIONS = _answer  # noqa: N815 - names of the standard library

    def address_string(self) -> str:
        return "nginx"

    def log_message(self, *_: Any) -> None:
        pass


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, path: str) -> None:
        super().__init__(path, _App)
        self.asked: list[dict[str, Any]] = []
        self.status = 200
        self.silent_seconds = 0.0
        self.headers = {"X-Gateway-Instance": "0123456789"}


@dataclass
class LocalNginx:
    """One site; ``app`` is what stands behind it."""

    folder: Path
    port: int
    app: _Server
    process: "subprocess.Popen[bytes]" = field(repr=False)

    def ask(self, path: str = "/", *, method: str = "GET", host: str = "shop.example", **headers: str) -> "Answer":
        """One request; underscores in names of headers are dashes."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return self.raw("\r\n".join([*lines, "", ""]).encode())

    def raw(self, request: bytes, address: str = "127.0.0.1", seconds: float = 10) -> "Answer":
        """These very bytes; the answer until Nginx closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds, source_address=(address, 0)) as connection:
            connection.sendall(request)
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    received += part
        return Answer(received)

    def close(self) -> None:
        """Nobody behind the socket any more."""
        self.app.shutdown()
        self.app.server_close()

    def logged(self, count: int = 1) -> list[str]:
        """The last lines of the access log, once there are as many."""
        path, end = self.folder / "access.log", time.monotonic() + 5
        while time.monotonic() < end:
            lines = path.read_text().splitlines() if path.exists() else []
            if len(lines) >= count:
                return lines[-count:]
            time.sleep(0.05)
        raise AssertionError(f"{path} has {lines}")


@dataclass(frozen=True)
class Answer:
    """One answer as bytes; ``b''`` where the connection was closed without one."""

    received: bytes

    @property
    def status(self) -> int:
        return int(self.received.split(b" ", 2)[1]) if self.received else 0

    @property
    def headers(self) -> list[tuple[str, str]]:
        lines = self.received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name.lower()), "")

    @property
    def body(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[2]


@contextlib.contextmanager
def local_nginx(folder: Path, spec: ProxySpec, *, host: bool = False) -> Iterator[LocalNginx]:
    """Serve ``spec`` on a free port; ``host``: by the site of the host target instead of the container's file."""
    if NGINX is None:
        pytest.skip("no nginx on this machine (apt-get install nginx-light)")
    port, live = free_port(), folder / "live.sock"
    own = replace(spec, listen=port, address="127.0.0.1", live_socket=str(live))
    for name, page in spec.pages.items() if spec.pages_root else ():
        (Path(spec.pages_root) / spec.pages_id).mkdir(parents=True, exist_ok=True)
        (Path(spec.pages_root) / spec.pages_id / name).write_text(page)
    if spec.maintenance_file:
        Path(spec.maintenance_file).write_text(spec.maintenance)
    path = folder / "nginx.conf"
    path.write_text(_as_host(own, folder) if host else _as_container(own, folder))
    app = _Server(str(live))
    live.chmod(0o666)
    threading.Thread(target=app.serve_forever, args=(0.05,), daemon=True).start()
    command = [NGINX, "-p", str(folder), "-c", str(path), "-e", str(folder / "error.log"), "-g", "daemon off;"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _await(port, process)
        yield LocalNginx(folder, port, app, process)
    finally:
        process.terminate()
        process.communicate(timeout=10)
        app.shutdown()
        app.server_close()


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"Nginx does not start: {process.communicate()[1].decode()}")


def _main(folder: Path) -> str:
    user = "user root;\n" if os.geteuid() == 0 else ""
    return f"{user}pid {folder}/nginx.pid;\n"


def _temporary(folder: Path) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)


def _as_container(spec: ProxySpec, folder: Path) -> str:
    text = configuration(spec)
    for old, new in (
        ("user www-data;\n", ""),
        ("pid /run/nginx.pid;\n", _main(folder)),
        ("error_log stderr warn;\n", ""),
        ("    client_body_temp_path /tmp/gateway-body;\n", ""),
        ("http {\n", "http {\n" + _temporary(folder)),
        ("/dev/stdout", f"{folder}/access.log"),
        (" buffer=4k flush=1s", ""),
    ):
        assert old in text, old
        text = text.replace(old, new)
    return text


def _as_host(spec: ProxySpec, folder: Path) -> str:
    upstream = folder / "upstream.conf"
    upstream.write_text(f"server unix:{spec.live_socket} fail_timeout=0;\n")
    text = site(replace(spec, upstream_file=str(upstream)), "my-shop")
    log = "/var/log/nginx/my-shop.access.log"
    assert log in text
    text = text.replace(log, f"{folder}/access.log").replace(" buffer=4k flush=1s", "")
    http = f"http {{\ninclude /etc/nginx/mime.types;\n{_temporary(folder)}\n{text}\n{default_site(spec)}\n}}\n"
    return f"{_main(folder)}worker_processes auto;\nevents {{ worker_connections 768; }}\n{http}"
