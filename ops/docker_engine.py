"""A Docker engine and its base images: found, or installed and started where that is ours to do."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import docker
from docker.errors import DockerException
from rich.console import Console
from rich.prompt import Confirm

from ops.errors import Missing
from targets.common.errors import AgentError
from targets.docker.agent import bases

START_SECONDS = 60


def ensure(console: Console) -> docker.DockerClient:
    """An engine that answers. Raises ``Missing``."""
    client = _answering()
    if client:
        return client
    if os.environ.get("DOCKER_HOST"):
        raise Missing(
            f"no Docker engine answers at DOCKER_HOST={os.environ['DOCKER_HOST']}; way out: start it or unset DOCKER_HOST"
        )
    if os.geteuid() != 0:
        raise Missing("no Docker engine answers; way out: start Docker, join the group docker, or run this as root")
    if not shutil.which("dockerd"):
        install(console, "docker.io")
    console.print("starting the Docker engine")
    _start()
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if client := _answering():
            return client
        time.sleep(0.5)
    raise Missing(f"the Docker engine does not answer {START_SECONDS} s after its start; way out: read /var/log/dockerd.log")


def _answering() -> docker.DockerClient | None:
    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except (DockerException, OSError):
        return None
    return client


def _start() -> None:
    """By systemd where it is in charge, else as a process of its own that outlives us."""
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "start", "docker"], capture_output=True, check=False)
        return
    with Path("/var/log/dockerd.log").open("ab") as log:
        subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def install(console: Console, package: str) -> None:
    """A package from the distribution; asked first when somebody can answer. Raises ``Missing``."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"{package} is missing; way out: install it (on Debian and Ubuntu: apt install {package})")
    if sys.stdin.isatty() and not Confirm.ask(f"{package} is missing. Install it with apt-get now?", default=True):
        raise Missing(f"{package} is missing; way out: apt install {package}, then run this again")
    console.print(f"installing {package} from the distribution")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment, capture_output=True, check=False)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Missing(
            f"{package} cannot be installed ({reason}); way out: make the package mirror reachable, or install it by hand"
        )


def base_images(client: docker.DockerClient, references: Iterable[str], console: Console) -> None:
    """Every base image there, so that the update itself needs no registry. Raises ``Missing``."""

    def before_build() -> None:
        console.print("no registry answers: building a base image from this machine's own mirror (once, about two minutes)")
        if os.geteuid() == 0 and not shutil.which("debootstrap"):
            install(console, "debootstrap")

    for reference in references:
        try:
            bases.ensure(client, reference, before_build)
        except AgentError as error:
            raise Missing(str(error)) from None
