"""Let's Encrypt's own test server, Pebble, as processes of a test: ``go install github.com/letsencrypt/pebble/v2/cmd/...``."""

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.authority import Authority, authority
from tests.deployment import eventually
from tests.ports import free_port

PROGRAMS = ("pebble", "pebble-challtestsrv")


class Pebble:
    """An ACME server that asks ``http_port`` of ``address`` for every name, unless a test says otherwise."""

    def __init__(self, folder: Path, *, listen: str, address: str, http_port: int, seconds: int = 90 * 86400) -> None:
        missing = [name for name in PROGRAMS if not shutil.which(name)]
        if missing:
            pytest.skip(f"no {' and no '.join(missing)} on PATH (go install github.com/letsencrypt/pebble/v2/cmd/...@latest)")
        self.folder, self.listen, self.port = folder, listen, free_port()
        self._dns, self._manage, self._control = free_port(), free_port(), free_port()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ca: Authority = authority()
        _, chain, key = self.ca.issue([listen, "127.0.0.1"])
        (folder / "chain.pem").write_text(chain)
        (folder / "key.pem").write_text(key)
        (folder / "ca.pem").write_text(self.ca.root.text)
        told = {
            "listenAddress": f"0.0.0.0:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self._control}",
            "certificate": str(folder / "chain.pem"),
            "privateKey": str(folder / "key.pem"),
            "httpPort": http_port,
            "tlsPort": 5001,
            "profiles": {"default": {"description": "for tests", "validityPeriod": seconds}},
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": told}))
        names = ["-defaultIPv4", address, "-defaultIPv6", "", "-dnsserver", f"127.0.0.1:{self._dns}", "-doh", ""]
        off = [part for kind in ("http01", "https01", "tlsalpn01") for part in (f"-{kind}", "")]
        self._start("pebble-challtestsrv", *names, *off, "-management", f"127.0.0.1:{self._manage}")

    @property
    def tls(self) -> dict[str, Any]:
        """``tls`` of a config that asks it."""
        return {"mode": "acme", "acmeServer": self.directory, "acmeCa": str(self.folder / "ca.pem"), "email": "me@shop.example"}

    @property
    def directory(self) -> str:
        return f"https://{self.listen}:{self.port}/dir"

    @property
    def root(self) -> str:
        """The root of what it issues: another one at each start."""
        answer = httpx.get(f"https://127.0.0.1:{self._control}/roots/0", verify=False)
        return answer.text

    def start(self) -> None:
        """Begin to issue; accounts of before are not known any more."""
        dns = f"127.0.0.1:{self._dns}"
        self._start("pebble", "-config", str(self.folder / "pebble.json"), "-dnsserver", dns)
        eventually(self._answers, 10, "Pebble answers")

    def stop(self, name: str = "pebble") -> None:
        process = self._processes.pop(name, None)
        if process:
            process.terminate()
            process.wait(10)

    def close(self) -> None:
        for name in PROGRAMS:
            self.stop(name)

    def leads(self, name: str, address: str) -> None:
        """From now on that name is found there."""
        told = {"host": f"{name}.", "addresses": [address]}
        for verb in ("clear-a", "add-a"):
            httpx.post(f"http://127.0.0.1:{self._manage}/{verb}", json=told).raise_for_status()

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _start(self, name: str, *args: str) -> None:
        env = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen([name, *args], env=env, stdout=log, stderr=log)
