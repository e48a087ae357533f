"""Our Dockerfiles for a project that has none: dependencies in an image of their own, releases on top of it."""

from rendering.templates import render

GROUP_ID = 10001
"""User and group of the app in our image, and the group that may read a site's env files and write its sockets and uploads."""


def dependencies(*, base: str, wheels: bool) -> str:
    """Text of the Dockerfile for dependencies. ``wheels``: the context brings them along, the build needs no package index."""
    return render("docker/dependencies.Dockerfile.j2", base=base, wheels=wheels, gid=GROUP_ID)


def release(*, image: str) -> str:
    """Text of the Dockerfile for a release on the image that has its dependencies."""
    return render("docker/release.Dockerfile.j2", dependencies=image)


def certificate(*, base: str, client: str) -> str:
    """Text of the Dockerfile for what asks an ACME server for certificates. ``client`` is a package of the distribution."""
    return render("docker/certificate.Dockerfile.j2", base=base, client=client)
