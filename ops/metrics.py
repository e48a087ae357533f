"""``python -m ops metrics``: the stack's figures for Prometheus: printed, into a file, or at an address of this machine."""

import contextlib
import os
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

from rich.console import Console

from ops import sight
from ops.engines import Engine, open_stack
from ops.errors import BadConfig, Missing
from targets.common import metrics
from targets.common.metrics import Sample

LEAST_SECONDS = 2.0
"""A scrape that comes sooner gets the figures of the one before."""
STATE_SECONDS = 60.0
"""How often the stack's state is read again."""


def samples(told: dict[str, Any]) -> Iterator[Sample]:
    """All figures of a stack, from what ``status`` tells."""
    stack = {"app": told["app"], "stack": told["stack"]}
    yield "gateway_ok", stack, told["ok"]
    yield "gateway_wrong", stack, len(told["wrong"])
    yield "gateway_update_running", stack, bool(told["lock"])
    if told["update"]:
        yield "gateway_last_update_failed", stack, told["update"]["last_result"] == "failed"
        if told["update"]["last_good"]:
            good = datetime.fromisoformat(told["update"]["last_good"]).timestamp()
            yield "gateway_last_good_update_timestamp_seconds", stack, good
    for host in told["hosts"]:
        labels = {**stack, "host": host["name"]}
        yield "gateway_reachable", labels, host["reachable"]
        if host["reachable"]:
            yield from metrics.of_host(host, labels)


def run(stack_name: str, *, out: Path | None, listen: str) -> None:
    """Print them once; with ``out`` write that file, by one rename; with ``listen`` (``[ADDRESS:]PORT``) answer for ever."""
    if listen:
        address = _address(listen)
    stack = open_stack(stack_name, Console(stderr=True))
    if listen:
        return serve(stack, address)
    text = metrics.text(samples(sight.open_watch(stack).look()))
    if out is None:
        print(text, end="")
        return None
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        beside.write_text(text)
        beside.chmod(0o644)
        beside.replace(out)
    except OSError as error:
        raise Missing(f"{out} cannot be written ({error.strerror}); way out: a folder that this user may write to") from None
    return None


def _address(listen: str) -> tuple[str, int]:
    address, _, port = listen.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise BadConfig(f"--listen: got '{listen}'; takes a port, or an address and a port such as 127.0.0.1:9469")
    return address.strip("[]") or "127.0.0.1", int(port)


class Figures:
    """The text, made when it is asked for."""

    def __init__(self, stack: Engine) -> None:
        self._stack, self._lock = stack, Lock()
        self._watch = sight.open_watch(stack)
        self._read = self._made = time.monotonic()
        self._text = ""

    def text(self) -> str:
        """Figures of now, or of a moment ago."""
        with self._lock:
            now = time.monotonic()
            if now - self._read > STATE_SECONDS:
                self._watch, self._read = self._watch.again(), now
            if not self._text or now - self._made > LEAST_SECONDS:
                self._text, self._made = metrics.text(samples(self._watch.look())), now
            return self._text


def serve(stack: Engine, address: tuple[str, int]) -> None:
    """Answer at ``/metrics`` until Ctrl-C."""
    figures = Figures(stack)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                return self.send_error(404, "the figures are at /metrics")
            body = figures.text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return None

        def log_message(self, *_: object) -> None:
            """Scrapes are no news."""

    try:
        server = ThreadingHTTPServer(address, Handler)
    except OSError as error:
        raise BadConfig(f"--listen: {address[0]}:{address[1]} cannot be taken ({error.strerror})") from None
    print(f"figures at http://{address[0]}:{address[1]}/metrics until Ctrl-C", flush=True)
    with contextlib.suppress(KeyboardInterrupt), server:
        server.serve_forever()
