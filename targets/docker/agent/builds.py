"""Building: a project's files and dependencies become an image."""

import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import docker
from docker.errors import APIError, BuildError
from docker.models.images import Image

from rendering import dockerfile
from rendering.identity import short_hash
from settings.errors import ConfigErrors
from settings.source import Source, open_source
from targets.common import requirements, wheels
from targets.common.diagnosis import recognise
from targets.common.errors import AgentError
from targets.docker import names
from targets.docker.agent import bases, engine, pythons
from targets.docker.requests import ReleaseRequest

LABEL_DEPENDENCIES = "gateway.dependencies"


def build(client: docker.DockerClient, request: ReleaseRequest) -> Image:
    try:
        source = open_source(request.source or "", request.ref)
    except ConfigErrors as error:
        raise AgentError(str(error)) from None
    if request.digest and source.digest != request.digest:
        raise AgentError(f"files in {request.source} changed while the update was running; way out: run it again")
    with tempfile.TemporaryDirectory(prefix="gateway-build-") as folder:
        context = Path(folder, "release")
        context.mkdir()
        if request.dockerfile:
            _copy(source, context)
            text = (context / request.dockerfile).read_text()
            if re.search(r"^#\s*syntax=|--mount=|<<", text, re.MULTILINE):
                return _buildkit(client, request, context)
            return _docker_build(client, request, context, request.dockerfile, _labels(request))
        _copy(source, context / "app")
        dependencies = _dependencies(client, request, context / "app", Path(folder, "dependencies"))
        (context / "Dockerfile").write_text(dockerfile.release(image=dependencies))
        labels = {**_labels(request), LABEL_DEPENDENCIES: dependencies.rpartition(":")[2]}
        return _docker_build(client, request, context, "Dockerfile", labels)


def _copy(source: Source, to: Path) -> None:
    """Exactly the release's files, as they are: the folder's ignored files never reach the image."""
    to.mkdir(exist_ok=True)
    for name in source.files:
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source.root / name, target, follow_symlinks=False)


def _dependencies(client: docker.DockerClient, request: ReleaseRequest, app: Path, context: Path) -> str:
    """Tag of the image with the project's dependencies, built where it is not there yet."""
    base = str(bases.ensure(client, request.base or "").id)
    wanted = requirements.text(app, request.requirements or "")
    servers = "".join(f"{package}\n" for package in request.packages)
    tag = names.Names(request.app).dependencies(short_hash(base, wanted, servers))
    if client.images.list(name=tag):
        return tag
    files = [context / "requirements.txt", context / "servers.txt"]
    context.mkdir()
    files[0].write_text(wanted)
    files[1].write_text(servers)
    bring = not pythons.container_reaches_index(client, request.app, base)
    if bring:
        wheels.bring(context / "wheels", files, *pythons.python_of(client, request.app, base))
    (context / "Dockerfile").write_text(dockerfile.dependencies(base=base, wheels=bring))
    _docker_build(client, request, context, "Dockerfile", engine.labels(request.app, request.owner, "dependencies")).tag(tag)
    return tag


def _labels(request: ReleaseRequest) -> dict[str, str]:
    told = {"release": request.release, "settings": request.settings_module, "migrations": ",".join(request.migrations)}
    return engine.labels(request.app, request.owner, "release", **told)


def _docker_build(
    client: docker.DockerClient, request: ReleaseRequest, context: Path, file: str, labels: dict[str, str]
) -> Image:
    try:
        image, _ = client.images.build(
            fileobj=_tar(context), custom_context=True, dockerfile=file, rm=True, forcerm=True, labels=labels
        )
    except BuildError as error:
        log = "".join(str(part.get("stream", "") or part.get("error", "")) for part in error.build_log)
        raise AgentError(_failure(request, error.msg, log)) from None
    except APIError as error:
        raise AgentError(engine.failure(f"Docker cannot build release {request.release}", error)) from None
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
    found = recognise(first)
    return f"release {request.release} of {request.app} cannot be built: {first}{found.way_out if found else ''}\n{lines}"


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
