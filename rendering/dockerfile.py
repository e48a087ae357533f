"""Our Dockerfile for a project that has none."""

from rendering.templates import render

GROUP_ID = 10001
"""User and group of the app in our image, and the group that may read a site's env files and write its sockets and uploads."""


def dockerfile(*, base: str, wheels: bool) -> str:
    """Text of the Dockerfile. ``wheels``: the context brings the wheels along, and the build needs no package index."""
    return render("docker/Dockerfile.j2", base=base, wheels=wheels, gid=GROUP_ID)
