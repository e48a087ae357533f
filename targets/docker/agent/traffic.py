"""The switch: ``live.sock`` is renamed onto the new instance's socket, proved through the proxy, and renamed back on failure."""

import json
import os

import docker
from docker.models.containers import Container

from targets import served
from targets.common.errors import AgentError
from targets.docker import names
from targets.docker.agent import engine
from targets.docker.requests import Request, TrafficRequest, TrafficResult

PROBE_SECONDS = 15
"""More than Nginx keeps connections to the old instance."""


def switch(client: docker.DockerClient, request: TrafficRequest) -> str:
    """Move traffic; returns what serves now and what served before, as one line of JSON."""
    own, wanted = names.Names(request.app), request.serving
    with engine.lock(request.app, "traffic"):
        container = engine.find(client, own.instance(wanted.instance))
        if container is None:
            raise AgentError(f"instance {wanted.instance} is gone; way out: run the update again")
        before = _rename(container, names.socket_name(wanted.instance))
        failure = probe_proxy(container, own, request)
        if failure:
            if before:
                _rename(container, before)
            back = f"traffic is back on {before.removesuffix('.sock')}" if before else "nothing served before"
            raise AgentError(f"the site did not answer through the proxy after the switch ({failure}); {back}")
        client.images.get(container.attrs["Image"]).tag(own.served(wanted.release))
        _sweep(client, request, keep={names.socket_name(wanted.instance), before})
    noted = request.model_dump(include={"source", "proxy", "rendered_from", "back"})
    now = served.entry(wanted, **noted)
    history = served.add(served.before(os.environ.get("PULUMI_COMMAND_STDOUT", "")), now)
    result = TrafficResult(
        **wanted.model_dump(),
        hosts={
            "docker": {
                "instance": wanted.instance,
                "container": own.instance(wanted.instance),
                "socket": f"{names.SOCKETS}/{names.socket_name(wanted.instance)}",
            }
        },
        previous=served.rollback_point(history),
        served=history,
    )
    return result.model_dump_json()


def _rename(container: Container, name: str) -> str:
    status, output = engine.run_in(container, "python3", names.INSIDE, "switch", names.LIVE, name)
    if status:
        raise AgentError(f"live.sock cannot be renamed: {output.splitlines()[-1] if output else 'no reason given'}")
    return output


def probe_proxy(container: Container, own: names.Names, request: TrafficRequest) -> str:
    """Why the instance does not answer 200 through Nginx, seen from the site's own network; '' when it does."""
    what = [request.host, request.path, str(PROBE_SECONDS), f"{own.proxy}:80", request.serving.instance]
    status, output = engine.run_in(container, "python3", names.INSIDE, "prove", *what)
    code, detail = json.loads(output.splitlines()[-1]) if status == 0 and output else (0, output[-200:])
    if code == 200:
        return ""
    return f"GET {request.path} with Host {request.host} got {code or 'no answer'}{': ' + detail if detail else ''}"


def _sweep(client: docker.DockerClient, request: Request, keep: set[str]) -> None:
    """Remove instances that are neither serving nor just replaced (that one drains on its own): what a killed update left."""
    mine: dict[str, str | list[str] | bool] = {"label": [f"{names.LABEL_APP}={request.app}", f"{names.LABEL_ROLE}=instance"]}
    for container in client.containers.list(all=True, filters=mine, ignore_removed=True):
        if names.socket_name(container.labels.get(names.LABEL_INSTANCE, "")) not in keep:
            engine.remove(container)


def stop(client: docker.DockerClient, request: TrafficRequest) -> str:
    """The site is taken down: the link goes, so that nothing seems to serve."""
    own = names.Names(request.app)
    container = engine.find(client, own.instance(request.serving.instance))
    if container is not None and engine.inspect_state(container)["Running"]:
        _rename(container, "")
    return "off"
