"""The Docker target: containers, volumes with unix sockets, and an Nginx container that stays."""

from targets.docker.target import DockerTarget

__all__ = ["DockerTarget"]
