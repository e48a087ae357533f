"""The image of a release: built once, named by its content, kept for rollback."""

import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, ImageNotFound
from docker.models.images import Image
from uv import find_uv_bin

from rendering.dockerfile import dockerfile
from settings.errors import ConfigErrors
from settings.source import Source, open_source
from targets.docker import names
from targets.docker.agent import bases, engine, wheels
from targets.docker.agent.engine import AgentError
from targets.docker.requests import ReleaseRequest


def build(client: docker.DockerClient, request: ReleaseRequest) -> str:
    """Image id of the release: the one that is there, a prebuilt one, or a new build."""
    tag = names.Names(request.app).image(request.release)
    with engine.lock(request.app, "release"):
        image = _kept(client, tag) or _prebuilt(client, request) or _built(client, request)
        image.tag(tag)
    return str(image.id)


def _kept(client: docker.DockerClient, tag: str) -> Image | None:
    try:
        return client.images.get(tag)
    except ImageNotFound:
        return None


def kept(client: docker.DockerClient, app: str) -> list[Image]:
    """Images of the site's releases, newest first."""
    images = client.images.list(name=f"gateway/{app}")
    return sorted(images, key=lambda image: str(image.attrs["Created"]), reverse=True)


def collect(client: docker.DockerClient, request: ReleaseRequest) -> None:
    """Remove the images of all but the newest ``keep`` releases, and never one that a container uses."""
    used = {container.attrs["Image"] for container in client.containers.list(all=True, ignore_removed=True)}
    for image in kept(client, request.app)[request.keep :]:
        if image.id not in used:
            for tag in image.tags:
                if tag.startswith(f"gateway/{request.app}:"):
                    client.images.remove(tag, noprune=False)


def _prebuilt(client: docker.DockerClient, request: ReleaseRequest) -> Image | None:
    if request.source is None and request.image is None:
        have = ", ".join(tag.rpartition(":")[2] for image in kept(client, request.app) for tag in image.tags) or "none"
        raise AgentError(f"release {request.release} of {request.app} is not kept on this engine; kept are: {have}")
    if request.image is None:
        return None
    try:
        return client.images.get(request.image)
    except ImageNotFound:
        try:
            return client.images.pull(request.image)
        except APIError as error:
            raise AgentError(
                f"image {request.image} is neither on this engine nor to be pulled: {error.explanation or error}"
            ) from None


def _built(client: docker.DockerClient, request: ReleaseRequest) -> Image:
    try:
        source = open_source(request.source or "", request.ref)
    except ConfigErrors as error:
        raise AgentError(str(error)) from None
    if request.digest and source.digest != request.digest:
        raise AgentError(f"files in {request.source} changed while the update was running; way out: run it again")
    with tempfile.TemporaryDirectory(prefix="gateway-build-") as folder:
        context = Path(folder)
        if request.dockerfile:
            _copy(source, context)
            text = (context / request.dockerfile).read_text()
            if re.search(r"^#\s*syntax=|--mount=|<<", text, re.MULTILINE):
                return _buildkit(client, request, context)
            return _docker_build(client, request, context, request.dockerfile)
        _copy(source, context / "app")
        _prepare(client, request, context)
        return _docker_build(client, request, context, "Dockerfile")


def _copy(source: Source, to: Path) -> None:
    """Exactly the release's files, as they are: the folder's ignored files never reach the image."""
    to.mkdir(exist_ok=True)
    for name in source.files:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source.root / name, target, follow_symlinks=False)


def _prepare(client: docker.DockerClient, request: ReleaseRequest, context: Path) -> None:
    """Dockerfile, requirements and, where a container has no way to the package index, wheels."""
    base = str(bases.ensure(client, request.base or "").id)
    requirements, servers = context / "gateway-requirements.txt", context / "gateway-servers.txt"
    requirements.write_text(_requirements(context / "app", request.requirements or ""))
    servers.write_text("".join(f"{package}\n" for package in request.packages))
    bring = not wheels.container_reaches_index(client, base)
    if bring:
        version, machine = wheels.python_of(client, base)
        wheels.bring(context / "gateway-wheels", [requirements, servers], version, machine)
    (context / "Dockerfile").write_text(dockerfile(base=base, wheels=bring))


def _requirements(app: Path, name: str) -> str:
    """Text of a requirements file for the project's dependencies, whichever way it names them (uv reads the other two)."""
    if name.endswith("uv.lock"):
        return _uv(app, "export", "--frozen", "--no-dev", "--no-emit-project", "--format", "requirements-txt")
    if name.endswith("pyproject.toml"):
        return _uv(app, "pip", "compile", "--quiet", "--no-header", "--universal", name)
    text = (app / name).read_text()

    def included(found: re.Match[str]) -> str:
        return _requirements(app, str(Path(name).parent / found.group(1)))

    # `-r base.txt` is relative to a file that moves, so the included text takes its place.
    return re.sub(r"^\s*(?:-r|--requirement)[\s=]+(\S+)\s*$", included, text, flags=re.MULTILINE)


def _uv(app: Path, *args: str) -> str:
    result = subprocess.run([find_uv_bin(), *args], cwd=app, capture_output=True, text=True, check=False)
    if result.returncode:
        raise AgentError(f"uv cannot read the project's dependencies: {result.stderr.strip().splitlines()[-1]}")
    return result.stdout


def _labels(request: ReleaseRequest) -> dict[str, str]:
    return engine.labels(request.app, request.owner, "release", release=request.release)


def _docker_build(client: docker.DockerClient, request: ReleaseRequest, context: Path, file: str) -> Image:
    try:
        image, _ = client.images.build(
            fileobj=_tar(context), custom_context=True, dockerfile=file, rm=True, forcerm=True, labels=_labels(request)
        )
    except BuildError as error:
        log = "".join(str(part.get("stream", "") or part.get("error", "")) for part in error.build_log)
        raise AgentError(_failure(request, error.msg, log)) from None
    except APIError as error:
        raise AgentError(f"Docker cannot build release {request.release}: {error.explanation or error}") from None
    return image


def _buildkit(client: docker.DockerClient, request: ReleaseRequest, context: Path) -> Image:
    """A Dockerfile that uses what only BuildKit knows is built by the docker command line with buildx."""
    tag = names.Names(request.app).image(request.release)
    labels = [part for key, value in _labels(request).items() for part in ("--label", f"{key}={value}")]
    command = [
        "docker",
        "buildx",
        "build",
        "--load",
        "--tag",
        tag,
        *labels,
        "--file",
        str(context / (request.dockerfile or "")),
        str(context),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "DOCKER_BUILDKIT": "1"})
    if result.returncode:
        raise AgentError(_failure(request, f"{request.dockerfile} needs BuildKit (docker buildx)", result.stderr))
    return client.images.get(tag)


def _failure(request: ReleaseRequest, reason: str, log: str) -> str:
    log = re.sub(r"\x1b\[[0-9;]*m", "", log)
    errors = [line for line in log.splitlines() if re.match(r"\s*(ERROR|error)\b", line)]
    lines = "\n".join(f"  | {line}" for line in [line for line in log.splitlines() if line.strip()][-12:])
    first = (errors[0].strip() if errors else reason.strip().splitlines()[0]) if (errors or reason.strip()) else "no reason given"
    return f"release {request.release} of {request.app} cannot be built: {first}\n{lines}"


def _tar(context: Path) -> io.BufferedReader:
    """The build context as an archive, owned by root and without dates of this machine, so that Docker's layer cache holds."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - handed to the Docker client, which reads and closes it

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        info.mtime = 0
        return info

    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.add(context, arcname=".", filter=plain)
    file.seek(0)
    return file  # type: ignore[return-value]
