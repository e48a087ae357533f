"""The Python of an image, asked in a container of it."""

import docker
from docker.errors import ContainerError, DockerException

from targets.docker.agent import engine

_ASK_INDEX = [
    "python3",
    "-m",
    "pip",
    "--timeout",
    "5",
    "--retries",
    "0",
    "download",
    "-q",
    "--no-deps",
    "-d",
    "/tmp",
    "packaging",
]

_TAGS = "import sys,sysconfig;print('%d.%d.%d'%sys.version_info[:3],sysconfig.get_platform().replace('linux-',''))"


def container_reaches_index(client: docker.DockerClient, app: str, base: str) -> bool:
    """Whether a container of the base image can open the package index, certificate included."""
    try:
        client.containers.run(base, _ASK_INDEX, remove=True, entrypoint=[], labels=engine.temporary(app, "question"))
    except (ContainerError, DockerException):
        return False
    return True


def python_of(client: docker.DockerClient, app: str, base: str) -> tuple[str, str]:
    """Python version and machine of an image: ``("3.11.2", "x86_64")``."""
    labels = engine.temporary(app, "question")
    output = client.containers.run(base, ["python3", "-c", _TAGS], remove=True, entrypoint=[], labels=labels)
    version, machine = output.decode().split()
    return version, machine
