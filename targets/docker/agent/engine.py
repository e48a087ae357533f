"""The Docker engine in the few words that the agent needs."""

import contextlib
import fcntl
import io
import os
import socket
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.models.images import Image
from requests.exceptions import RequestException

from rendering.dockerfile import GROUP_ID
from targets.common.diagnosis import recognise
from targets.common.errors import AgentError
from targets.docker import names

EMPTY_IMAGE = "gateway/empty:1"
TIMEOUT = 600


def connect() -> docker.DockerClient:
    """The engine that DOCKER_HOST names, else the local one."""
    try:
        client = docker.from_env(timeout=TIMEOUT)
        client.ping()
    except (DockerException, OSError) as error:
        raise AgentError(f"the Docker engine does not answer ({error}); start it, then run the update again") from None
    return client


def failure(what: str, error: Exception) -> str:
    """Docker's own words for a failure, and the way out."""
    reason = str(getattr(error, "explanation", None) or error)
    found = recognise(reason)
    return f"{what} ({reason}){found.way_out if found else '; way out: run the update again'}"


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Docker's failures as ours, with ``what`` was at work."""
    try:
        yield
    except (APIError, DockerException, RequestException, OSError) as error:
        raise AgentError(failure(what, error)) from None


def is_local() -> bool:
    """Whether the engine's disk and memory are this machine's."""
    return os.environ.get("DOCKER_HOST", "unix:").partition(":")[0] in ("unix", "npipe")


def find(client: docker.DockerClient, name: str) -> Container | None:
    """The container of that name, running or not."""
    try:
        return client.containers.get(name)
    except NotFound:
        return None


def remove(container: Container | None) -> None:
    """Remove a container, whatever its state; one that is gone already is fine."""
    with contextlib.suppress(NotFound):
        if container is not None:
            container.remove(force=True, v=True)


def instances(client: docker.DockerClient, app: str, stack: str = "") -> list[Container]:
    """Containers of the site's instances, whether they run or not; with ``stack`` only those of that stack."""
    mine: dict[str, str | list[str] | bool] = {"label": [f"{names.LABEL_APP}={app}", f"{names.LABEL_ROLE}=instance"]}
    found = client.containers.list(all=True, filters=mine, ignore_removed=True)
    return [one for one in found if stack in ("", stack_of(one))]


def stack_of(instance: Container) -> str:
    """The stack that an instance is of."""
    return str(instance.labels.get(names.LABEL_STACK) or instance.labels.get(names.LABEL_OWNER, ""))


def kept_images(client: docker.DockerClient, app: str) -> list[Image]:
    """Images of the site's releases, the one that was deployed last first: each deployment gives the image its tag again."""
    found = client.images.list(name=f"gateway/{app}")
    return sorted(found, key=lambda image: str(image.attrs["Metadata"].get("LastTagTime") or ""), reverse=True)


def labels(app: str, owner: str, role: str, **more: str) -> dict[str, str]:
    """Labels of everything that belongs to a site."""
    return {
        names.LABEL_APP: app,
        **({names.LABEL_OWNER: owner} if owner else {}),
        names.LABEL_ROLE: role,
        **{f"gateway.{key}": value for key, value in more.items()},
    }


def run_in(container: Container, *command: str) -> tuple[int, str]:
    """Exit status and output of a command in a running container, as root."""
    status, output = container.exec_run(list(command), user="0")
    return int(status or 0), bytes(output).decode(errors="replace").strip()  # type: ignore[arg-type]


def archive(entries: dict[str, bytes | None], mode: int = 0o644, gid: int = 0) -> bytes:
    """A tar archive of path -> content; None is a folder that its group may write and hands its group on."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in entries.items():
            info = tarfile.TarInfo(path.lstrip("/"))
            info.gid = gid
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, mode
                tar.addfile(info)
            else:
                info.size, info.mode = len(content), mode
                tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def temporary(app: str, role: str, **more: str) -> dict[str, str]:
    """Labels of a container that lives no longer than this process."""
    return {**labels(app, "", role, **more), names.LABEL_PROCESS: f"{socket.gethostname()}:{os.getpid()}"}


def sweep(client: docker.DockerClient, app: str) -> None:
    """Remove the site's temporary containers whose process on this machine was killed before it could."""
    mine: dict[str, str | list[str] | bool] = {"label": [f"{names.LABEL_APP}={app}", names.LABEL_PROCESS]}
    for container in client.containers.list(all=True, filters=mine, ignore_removed=True):
        host, _, pid = container.labels[names.LABEL_PROCESS].rpartition(":")
        if host == socket.gethostname() and not _alive(int(pid)):
            remove(container)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def stub(client: docker.DockerClient, app: str, volumes: dict[str, str]) -> Iterator[Container]:
    """A container that never runs, through which files of volumes are read and written without a process of anybody's."""
    sweep(client, app)
    try:
        client.images.get(EMPTY_IMAGE)
    except ImageNotFound:
        repository, tag = EMPTY_IMAGE.split(":")
        client.api.import_image_from_data(archive({}), repository=repository, tag=tag)
    mounts = [f"{name}:{path}" for name, path in volumes.items()]
    container = client.containers.create(EMPTY_IMAGE, ["-"], volumes=mounts, labels=temporary(app, "stub"))
    try:
        yield container
    finally:
        remove(container)


def put(container: Container, path: str, content: bytes, mode: int = 0o644, gid: int = 0) -> None:
    """Write a file, made whole before it has its name in the container's file system."""
    if not container.put_archive("/", archive({path: content}, mode, gid)):
        raise AgentError(f"Docker could not write {path} in {container.name}; is its disk full?")


def get(container: Container, path: str) -> bytes | None:
    """Content of a file, or None."""
    try:
        stream, _ = container.get_archive(path)
    except NotFound:
        return None
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        member = tar.extractfile(tar.getmembers()[0])
        return member.read() if member else None


def files(container: Container, folder: str) -> list[str]:
    """Content of every small file in a folder; none where it is not there."""
    try:
        stream, _ = container.get_archive(folder)
    except (NotFound, APIError):
        return []
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        found = (tar.extractfile(member) for member in tar.getmembers() if member.isfile())
        return [file.read().decode(errors="replace") for file in found if file]


def link(container: Container, path: str) -> str:
    """What a symbolic link names, '' where there is none."""
    try:
        stream, _ = container.get_archive(path)
    except NotFound:
        return ""
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        return tar.getmembers()[0].linkname


def shared_folder(*paths: str) -> bytes:
    """Archive of folders in volumes that the app's group may write."""
    return archive(dict.fromkeys(paths), mode=0o2775, gid=GROUP_ID)


@contextlib.contextmanager
def lock(*parts: str) -> Iterator[None]:
    """One agent at a time for a thing: one whose ``pulumi up`` was killed may still be at work, and the next waits for it."""
    path = Path(tempfile.gettempdir(), f"gateway-{os.getuid()}-{'-'.join(parts)}.lock")
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def inspect_state(container: Container) -> dict[str, Any]:
    """``State`` of the container now."""
    container.reload()
    state: dict[str, Any] = container.attrs["State"]
    return state
