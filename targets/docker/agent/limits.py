"""What ``docker update`` can change on a running container, seen and taken back without a restart."""

from functools import cache

import docker
from docker.models.containers import Container

from targets.common.errors import AgentError

LIMITS = {"Memory": "memory", "NanoCpus": "CPUs", "CpuQuota": "CPU time", "CpuShares": "CPU shares", "PidsLimit": "processes"}


def unlimited(client: docker.DockerClient) -> dict[str, int]:
    """As much as the machine has: the engine takes most limits back only by raising them to that."""
    told = client.info()
    return {
        "Memory": int(told["MemTotal"]),
        "NanoCpus": int(told["NCPU"]) * 10**9,
        "CpuQuota": -1,
        "CpuShares": 1024,
        "PidsLimit": -1,
    }


@cache
def _whole(client: docker.DockerClient) -> dict[str, int]:
    return unlimited(client)


def found(client: docker.DockerClient, container: Container, restart: str) -> str:
    """What is other than it was made, in words; '' for nothing. ``restart`` is the policy that it has."""
    host = container.attrs["HostConfig"]
    policy = host["RestartPolicy"]["Name"] or "no"
    parts = [f"restart policy {policy}, not {restart}"] if policy != restart else []
    for key, words in LIMITS.items():
        present = int(host.get(key) or 0)
        if present > 0 and present != _whole(client)[key]:
            parts.append(f"{words} limited")
    return ", ".join(parts)


def lift(client: docker.DockerClient, container: Container, restart: str) -> None:
    """Take back what ``found`` tells."""
    if not found(client, container, restart):
        return
    host, whole = container.attrs["HostConfig"], _whole(client)
    wanted: dict[str, object] = {key: whole[key] for key in LIMITS if int(host.get(key) or 0) > 0}
    if "Memory" in wanted:
        wanted["MemorySwap"] = 2 * whole["Memory"]  # with -1 older engines leave the old one, and refuse more memory than that
    url = client.api._url("/containers/{0}/update", container.id)  # type: ignore[attr-defined]
    answer = client.api._post_json(url, data={**wanted, "RestartPolicy": {"Name": restart}})  # type: ignore[attr-defined]
    if answer.status_code != 200:
        raise AgentError(f"limits of {container.name} cannot be taken back: {answer.text.strip()[:200]}; way out: docker update")
