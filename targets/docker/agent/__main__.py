"""``python targets/docker/agent VERB`` with a request as JSON on standard input: what Pulumi's commands call.

One short line on standard output; on failure status 1, and on standard error first the cause and the way out.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import docker
from pydantic import BaseModel

from targets.common.errors import AgentError
from targets.docker import requests
from targets.docker.agent import bases, certificates, engine, instances, proxy, releases, steps, traffic

Verb = tuple[type[BaseModel], Callable[[docker.DockerClient, Any], object]]

VERBS: dict[str, Verb] = {
    "base": (requests.BaseImageRequest, lambda client, request: bases.ensure(client, request.reference).id),
    "join": (requests.JoinRequest, steps.join),
    "prepare": (requests.StorageRequest, steps.prepare),
    "await-service": (requests.ServiceRequest, steps.await_service),
    "release": (requests.ReleaseRequest, releases.build),
    "collect-releases": (requests.ReleaseRequest, releases.collect),
    "env": (requests.EnvRequest, steps.write_env),
    "remove-env": (requests.EnvRequest, steps.remove_env),
    "task": (requests.TaskRequest, steps.task),
    "start": (requests.InstanceRequest, instances.start),
    "stop": (requests.InstanceRequest, instances.stop),
    "certificate": (requests.CertificateRequest, certificates.put),
    "certificate-image": (requests.CertificateImageRequest, certificates.image),
    "issue": (requests.IssueRequest, certificates.issue),
    "proxy": (requests.ProxyRequest, proxy.apply),
    "switch": (requests.TrafficRequest, traffic.switch),
    "off": (requests.TrafficRequest, traffic.stop),
}


def main(verb: str, text: str) -> int:
    """Run one verb on a request in JSON."""
    model, act = VERBS[verb]
    try:
        with engine.told(f"Docker failed while '{verb}' was at work"):
            print(act(engine.connect(), model.model_validate_json(text)) or "done")
    except AgentError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.stdin.read()))
