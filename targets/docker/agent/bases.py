"""Base images: from a registry where one answers, else built once from this machine's own Debian mirror.

Both kinds have the interface of the official images (python, nginx, postgres, redis), and get a name of our own that stays: a
registry that answers later does not change what runs.
"""

import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import docker
from docker.errors import DockerException, ImageNotFound
from docker.models.images import Image
from requests.exceptions import RequestException

from targets.common.errors import AgentError
from targets.docker.agent import engine

LOCAL = "gateway/debian:local"
PACKAGES = ("ca-certificates", "nginx-light", "postgresql", "python3", "python3-pip", "python3-venv", "redis-server")
ENTRYPOINT = Path(__file__).resolve().parents[3] / "templates/docker/base-entrypoint.sh"
REGISTRY_SECONDS = 120


def ensure(client: docker.DockerClient, reference: str, before_build: Callable[[], None] = lambda: None) -> Image:
    """The image that stands for ``reference`` on this engine, kept under ``gateway/base-<reference>``.

    ``before_build`` is called when no registry answered and the image is about to be built, which takes minutes.
    """
    repository, _, tag = reference.rpartition(":")
    alias = f"gateway/base-{repository.replace('/', '-')}:{tag}"
    with engine.lock("base"):
        try:
            return client.images.get(alias)
        except ImageNotFound:
            image = _present(client, reference) or _pulled(reference) or _built(client, reference, before_build)
            image.tag(alias)
            return image


def _present(client: docker.DockerClient, reference: str) -> Image | None:
    try:
        return client.images.get(reference)
    except ImageNotFound:
        return None


def _pulled(reference: str) -> Image | None:
    """From the registry; None when none answers in time: one that drops packets never says no."""
    try:
        return docker.from_env(timeout=REGISTRY_SECONDS).images.pull(reference)
    except (DockerException, RequestException):
        return None


def _built(client: docker.DockerClient, reference: str, before_build: Callable[[], None]) -> Image:
    present = _present(client, LOCAL)
    if present:
        return present
    before_build()
    missing = [tool for tool in ("debootstrap", "tar") if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        need = f"{' and '.join(missing)} installed" if missing else "root"
        raise AgentError(
            f"no registry answers for {reference}, and building a base image from this machine's Debian mirror needs {need}; "
            "way out: docker pull it where there is network and docker load it here, or install debootstrap and run as root"
        )
    return _debootstrap(client)


def _debootstrap(client: docker.DockerClient) -> Image:
    suite, mirror = mirror_of(Path("/etc"))
    with tempfile.TemporaryDirectory(prefix="gateway-base-") as folder:
        root = Path(folder, "root")
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", suite, str(root), mirror]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            lines = "\n".join(f"  | {line}" for line in result.stdout.splitlines()[-8:])
            raise AgentError(f"debootstrap of {suite} failed; is the Debian mirror in /etc/apt reachable?\n{lines}")
        for clutter in (
            "var/cache/apt/archives",
            "var/lib/apt/lists",
            "usr/share/doc",
            "usr/share/man",
            "usr/share/locale",
        ):
            shutil.rmtree(root / clutter, ignore_errors=True)
        shutil.copy(ENTRYPOINT, root / "usr/local/bin/docker-entrypoint.sh")
        (root / "usr/local/bin/docker-entrypoint.sh").chmod(0o755)
        (root / "etc/nginx/sites-enabled/default").unlink(missing_ok=True)
        return _import(client, root)


def _import(client: docker.DockerClient, root: Path) -> Image:
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
        repository, tag = LOCAL.split(":")
        client.api.import_image_from_stream(
            tar.stdout,
            repository=repository,
            tag=tag,
            changes=['ENTRYPOINT ["/usr/local/bin/docker-entrypoint.sh"]', 'CMD ["python3"]'],
        )
    return client.images.get(LOCAL)


def mirror_of(etc: Path) -> tuple[str, str]:
    """Suite and mirror of this machine's own apt sources (both file formats), the suite from os-release.

    On Ubuntu and on machines without apt the error says what to do instead.
    """
    release = (etc / "os-release").read_text() if (etc / "os-release").exists() else ""
    codename = re.search(r'^VERSION_CODENAME="?([a-z]+)', release, re.MULTILINE)
    sources = [
        etc / "apt/sources.list",
        *sorted((etc / "apt/sources.list.d").glob("*.sources")),
        *sorted((etc / "apt/sources.list.d").glob("*.list")),
    ]
    text = "\n".join(path.read_text() for path in sources if path.exists())
    for uri in re.findall(r"^(?:URIs:|deb(?:\s+\[[^]]*\])?)\s+(\S+)", text, re.MULTILINE):
        if re.search(r"/(debian|ubuntu)/?$", uri) and codename:
            return codename.group(1), uri
    raise AgentError(
        f"no registry answers, and {platform.node()} has no Debian or Ubuntu mirror in /etc/apt to build a base image from; "
        "way out: docker load python:3.13-slim, nginx:stable, postgres:17 and redis:7 here"
    )
