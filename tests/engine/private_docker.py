"""A Docker engine of a test's own, which may be stopped and killed without touching anybody's containers."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
    """``dockerd`` with its own data and socket, in its own network namespace: in ours it would take docker0 away."""

    address = "10.214.0.2"
    """Where what it publishes is reached from here."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0 or not (shutil.which("dockerd") and shutil.which("ip")):
            pytest.skip("a Docker engine that may be stopped needs root, dockerd and ip")
        # A path of a unix socket has at most 107 bytes.
        self.folder = folder
        self.socket = Path("/run") / f"gateway-test-{os.getpid()}.sock"
        self.namespace = f"gateway-test-{os.getpid()}"
        self.process: subprocess.Popen[bytes] | None = None
        self._connect()

    def _connect(self) -> None:
        """A namespace and a wire to it."""
        outer, inner = "gateway-t0", "gateway-t1"
        inside = ("ip", "-n", self.namespace)
        subprocess.run(["ip", "link", "del", outer], capture_output=True, check=False)
        for command in (
            ("ip", "netns", "add", self.namespace),
            ("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", self.namespace),
            ("ip", "addr", "add", "10.214.0.1/30", "dev", outer),
            ("ip", "link", "set", outer, "up"),
            (*inside, "addr", "add", f"{self.address}/30", "dev", inner),
            (*inside, "link", "set", inner, "up"),
            (*inside, "link", "set", "lo", "up"),
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"no network namespace for an engine of its own: {done.stderr.strip()}")

    def remove(self) -> None:
        """Leave nothing."""
        self.stop()
        subprocess.run(["ip", "netns", "del", self.namespace], capture_output=True, check=False)

    @property
    def env(self) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self.socket}"}

    def start(self) -> docker.DockerClient:
        """Start it and wait until it answers."""
        command = [
            "nsenter",
            f"--net=/run/netns/{self.namespace}",
            "dockerd",
            f"--host=unix://{self.socket}",
            f"--data-root={self.folder}/data",
            f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/dockerd.pid",
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


@contextmanager
def private_docker(folder: Path, engine: docker.DockerClient) -> Iterator[PrivateDocker]:
    """One that runs, with the base images of ``engine``, and of which nothing is left afterwards."""
    private = PrivateDocker(folder)
    try:
        private.start()
        private.load_bases(engine)
        yield private
    finally:
        private.remove()
