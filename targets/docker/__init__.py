"""The Docker target: containers, volumes with unix sockets, and an Nginx container that stays."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from targets.docker.target import DockerTarget

__all__ = ["DockerTarget"]


def __getattr__(name: str) -> Any:
    """Only when asked for: the agent, which starts for each step, does without Pulumi and starts three times as quickly."""
    if name != "DockerTarget":
        raise AttributeError(name)
    from targets.docker.target import DockerTarget

    return DockerTarget
