"""The image of a release: built once, named by its content, kept for rollback."""

import contextlib

import docker
from docker.errors import APIError, ImageNotFound
from docker.models.images import Image

from targets.common.errors import AgentError
from targets.docker import names
from targets.docker.agent import builds, engine
from targets.docker.requests import ReleaseRequest


def build(client: docker.DockerClient, request: ReleaseRequest) -> str:
    """Image id of the release: the one that is there, a prebuilt one, or a new build."""
    tag = names.Names(request.app).image(request.release)
    with engine.lock(request.app, "release"):
        image = _kept(client, request) or _prebuilt(client, request) or builds.build(client, request)
        image.tag(tag)
    return str(image.id)


def _kept(client: docker.DockerClient, request: ReleaseRequest) -> Image | None:
    """The image that is there; raises where that is not the one that was built, or that has served, under this id."""
    own = names.Names(request.app)
    found, served = (_image(client, tag) for tag in (own.image(request.release), own.served(request.release)))
    if found is None:
        return None
    built = found.labels.get(names.LABEL_RELEASE, request.release) == request.release
    if built and (served is None or served.id == found.id):
        return found
    tag = own.image(request.release)
    raise AgentError(
        f"the kept image {tag} is not the one that was built for release {request.release}; what serves stays; "
        f"way out: docker rmi {tag} {own.served(request.release)}, then deploy its source again, or go back to another release"
    )


def _image(client: docker.DockerClient, tag: str) -> Image | None:
    try:
        return client.images.get(tag)
    except ImageNotFound:
        return None


def collect(client: docker.DockerClient, request: ReleaseRequest) -> None:
    """Keep the ``keep`` releases that served last and what a container uses; remove the rest, and what they alone needed.

    Of those that never served, such as failed ones, the last one stays: it may be tried again with another config. Runs at the
    end of an update, once for each release that the engine drops, several at a time. It never fails one: what cannot be removed
    now is looked at again after the next.
    """
    with engine.lock(request.app, "release"):
        used = {container.attrs["Image"] for container in client.containers.list(all=True, ignore_removed=True)}
        own, images = names.Names(request.app), engine.kept_images(client, request.app)
        served = [image for image in images if any(tag.startswith(own.served("")) for tag in image.tags)]
        never = [image for image in images if image not in served]
        for image in [*served[request.keep :], *never[1:]]:
            if image.id not in used:
                _untag(client, image, own.image(""))
                _untag(client, image, own.served(""))
        needed = {image.labels.get(builds.LABEL_DEPENDENCIES) for image in engine.kept_images(client, request.app)}
        prefix = own.dependencies("")
        for image in client.images.list(name=prefix.rstrip(":")):
            if not any(tag.removeprefix(prefix) in needed for tag in image.tags):
                _untag(client, image, prefix)


def _untag(client: docker.DockerClient, image: Image, prefix: str) -> None:
    for tag in image.tags:
        if tag.startswith(prefix):
            with contextlib.suppress(APIError):
                client.images.remove(tag)


def _prebuilt(client: docker.DockerClient, request: ReleaseRequest) -> Image | None:
    if request.source is None and request.image is None:
        tags = [tag for image in engine.kept_images(client, request.app) for tag in image.tags]
        have = ", ".join(tag.rpartition(":")[2] for tag in tags) or "none"
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
