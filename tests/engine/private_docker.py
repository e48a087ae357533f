"""A Docker engine of a test's own, which may be stopped and killed without touching anybody's containers."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

BASES = (
    "gateway/debian:local",
    "gateway/base-python:3.13-slim",
    "gateway/base-nginx:stable",
    "gateway/base-postgres:17",
    "gateway/base-redis:7",
)


class PrivateDocker:
    """``dockerd`` with its own data, socket and address pool."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0 or not shutil.which("dockerd"):
            pytest.skip("a Docker engine that may be stopped needs root and dockerd")
        # A path of a unix socket has at most 107 bytes.
        self.folder = folder
        self.socket = Path("/run") / f"gateway-test-{os.getpid()}.sock"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self.socket}"}

    def start(self) -> docker.DockerClient:
        """Start it and wait until it answers."""
        command = [
            "dockerd",
            f"--host=unix://{self.socket}",
            f"--data-root={self.folder}/data",
            f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/dockerd.pid",
            "--bridge=none",
            "--iptables=false",
            "--ip6tables=false",
            "--default-address-pool=base=10.213.0.0/16,size=24",
        ]
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "dockerd.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                client = docker.DockerClient(base_url=self.env["DOCKER_HOST"], timeout=300)
                client.ping()
                return client
            except (DockerException, OSError):
                time.sleep(0.2)
        pytest.skip("a second dockerd does not start here: " + (self.folder / "dockerd.log").read_text()[-300:])

    def stop(self) -> None:
        """End it, and with it every container that it runs."""
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=60)
            self.process = None

    def load_bases(self, engine: docker.DockerClient) -> None:
        """The base images of the machine's engine, so that nothing has to be fetched."""
        tags = [tag for image in engine.images.list() for tag in image.tags if tag in BASES]
        if len(tags) < len(BASES) - 1:
            pytest.skip("the machine's engine has no base images yet")
        with subprocess.Popen(["docker", "save", *tags], stdout=subprocess.PIPE) as saved:
            subprocess.run(
                ["docker", "load"], stdin=saved.stdout, env={**os.environ, **self.env}, check=True, capture_output=True
            )
