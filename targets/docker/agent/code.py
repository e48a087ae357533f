"""Containers that run the project's code: what instances and release tasks have in common."""

import json
import shlex
from dataclasses import dataclass

import docker
from docker.errors import ImageNotFound
from docker.models.containers import Container
from docker.types import LogConfig

from rendering.dockerfile import GROUP_ID
from targets.common.causes import redact
from targets.common.errors import AgentError
from targets.docker import names
from targets.docker.agent import engine
from targets.docker.requests import CodeRequest, TaskRequest


@dataclass(frozen=True)
class Facts:
    """What ``check`` found in the release's settings."""

    static_root: str
    static_url: str
    media_root: str
    sqlite: tuple[str, ...]


@dataclass(frozen=True)
class Shared:
    """Files of the site's volumes that a release needs: read once, through one stub."""

    env: bytes | None
    facts: Facts | None
    manifest: bytes | None

    def secrets(self, secret_names: tuple[str, ...]) -> list[str]:
        """The values to strike out of logs."""
        words = shlex.split((self.env or b"").decode(), posix=True)
        return [value for name, _, value in (word.partition("=") for word in words) if name in secret_names]


def shared(client: docker.DockerClient, request: CodeRequest) -> Shared:
    """Env file, facts and static manifest of the release. Raises where the env file is not there."""
    own = names.Names(request.app)
    with engine.stub(client, request.app, {own.volume("env"): names.ENV, own.volume("static"): names.STATIC}) as reader:
        env = engine.get(reader, f"{names.ENV}/{request.env_id}.env")
        facts = engine.get(reader, f"{names.STATIC}/releases/{request.release}.json")
        manifest = engine.get(reader, f"{names.STATIC}/releases/{request.release}.manifest")
    if not env:
        raise AgentError(f"env file {request.env_id} of {request.app} is gone; way out: pulumi up --refresh, then again")
    return Shared(env, Facts(**json.loads(facts)) if facts else None, manifest)


def create(
    client: docker.DockerClient,
    request: CodeRequest,
    name: str,
    inside: list[str],
    files: Shared,
    labels: dict[str, str],
) -> Container:
    """A container of the release's image that will run ``inside.py <inside>``; not started.

    It has its name only once all of its files are in it: one that a kill leaves half made is never taken for the real one.
    """
    own = names.Names(request.app)
    engine.remove(engine.find(client, own.unfinished(name)))
    volumes = own.mounts(request.services)
    if files.facts and files.facts.media_root:
        volumes = {**volumes, own.volume("media"): files.facts.media_root}
    try:
        container = client.containers.create(
            request.image,
            entrypoint=["python3", names.INSIDE, *inside],
            command=[],
            name=own.unfinished(name),
            labels=labels,
            environment={"DJANGO_SETTINGS_MODULE": request.settings_module, **request.variables},
            volumes=[f"{volume}:{path}" for volume, path in volumes.items()],
            network=own.network,
            group_add=[str(GROUP_ID)],
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            healthcheck={"test": ["NONE"]},
            log_config=LogConfig(type="json-file", config={"max-size": "10m", "max-file": "3"}),
        )
    except ImageNotFound:
        raise AgentError(
            f"the image of release {request.release} is gone from this engine; way out: pulumi up --refresh"
        ) from None
    for path in (*names.BROUGHT, *(names.TASKS if isinstance(request, TaskRequest) else ())):
        engine.put(container, f"/gateway/{path.name}", path.read_bytes())
    if files.facts and files.facts.static_root and files.manifest is not None:
        engine.put(container, f"{files.facts.static_root}/staticfiles.json", files.manifest)
    container.rename(name)
    container.reload()
    return container


def env_of(container: Container) -> str:
    """Id of the env file that an instance runs with, '' where its command names none."""
    files = (part for part in container.attrs.get("Args") or () if part.startswith(f"{names.ENV}/"))
    return next(files, "").removeprefix(f"{names.ENV}/").removesuffix(".env")


def log(container: Container, secrets: list[str]) -> str:
    """The container's output so far, without secrets."""
    return redact(container.logs(tail=200).decode(errors="replace"), secrets)
