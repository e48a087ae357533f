"""The switch: ``live.sock`` is renamed onto the new instance's socket, proved through the proxy, and renamed back on failure."""

import json
import os

import docker
from docker.models.containers import Container

from targets import served
from targets.common.errors import AgentError
from targets.docker import names
from targets.docker.agent import code, engine, steps
from targets.docker.agent.watch import watch
from targets.docker.requests import EnvRequest, Request, TrafficRequest, TrafficResult

PROBE_SECONDS = 15
"""More than Nginx keeps connections to the old instance."""


def switch(client: docker.DockerClient, request: TrafficRequest) -> str:
    """Move traffic; returns what serves now and what served before, as one line of JSON."""
    wanted = request.serving
    with engine.lock(request.app, "traffic"):
        move(client, request)
    noted = request.model_dump(include={"source", "proxy", "rendered_from", "back"})
    now = served.entry(wanted, **noted)
    history = served.add(served.before(os.environ.get("PULUMI_COMMAND_STDOUT", "")), now)
    result = TrafficResult(
        **wanted.model_dump(),
        hosts={
            "docker": {
                "instance": wanted.instance,
                "container": names.Names(request.app).instance(wanted.instance),
                "socket": f"{names.SOCKETS}/{names.socket_name(wanted.instance)}",
            }
        },
        previous=served.rollback_point(history),
        served=history,
    )
    return result.model_dump_json()


def move(client: docker.DockerClient, request: TrafficRequest) -> None:
    """The rename, its proof and its watch; on failure the old instance has its traffic back."""
    own, wanted = names.Names(request.app), request.serving
    container = engine.find(client, own.instance(wanted.instance))
    if container is None:
        raise AgentError(f"instance {wanted.instance} is gone; way out: run the update again")
    before = _rename(container, names.socket_name(wanted.instance)).removesuffix(".sock")
    failure = probe_proxy(container, own, request)
    if failure:
        failure = f"the site did not answer through the proxy after the switch ({failure})"
    elif before not in ("", wanted.instance) and request.watch_seconds:
        failure = _watched(client, own, container, request)
    if failure:
        if before:
            _rename(container, names.socket_name(before))
        raise AgentError(f"{failure}; {f'traffic is back on {before}' if before else 'nothing served before'}")
    client.images.get(container.attrs["Image"]).tag(own.served(wanted.release))
    parked = _standby(container, before, request)
    _sweep(client, request, keep={wanted.instance, before, parked})


def _watched(client: docker.DockerClient, own: names.Names, container: Container, request: TrafficRequest) -> str:
    proxy = engine.find(client, own.proxy)
    if proxy is None:
        return ""
    wrong = watch(proxy, container, seconds=request.watch_seconds, percent=request.watch_errors)
    look = f"docker logs {container.name} tells more"
    return f"instance {request.serving.instance} took traffic and did not do well: {wrong}; {look}" if wrong else ""


def _standby(container: Container, before: str, request: TrafficRequest) -> str:
    """Note which instance is kept running although it does not serve, '' for none; the one that was just left comes first."""
    noted = "" if before in ("", request.serving.instance) else before
    if request.standby and not noted:
        noted = read_standby(container)
    parked = noted if request.standby and noted != request.serving.instance else ""
    engine.put(container, names.STANDBY, parked.encode())
    return parked


def read_standby(container: Container) -> str:
    """The instance that is kept running although it does not serve, as any container of the site knows it."""
    return (engine.get(container, names.STANDBY) or b"").decode()


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
    """Remove instances that nobody needs: what a killed update left, a standby of before. A replaced one drains on its own."""
    for container in engine.instances(client, request.app, request.stack or request.owner):
        if container.labels.get(names.LABEL_INSTANCE, "") not in keep:
            engine.remove(container)
            if env_id := code.env_of(container):
                steps.remove_env(client, EnvRequest(app=request.app, owner=request.owner, env_id=env_id, text=""))


def stop(client: docker.DockerClient, request: TrafficRequest) -> str:
    """The stack is taken down, and its standby with it. Traffic goes to another stack of the site, if one runs, or nowhere."""
    own, mine = names.Names(request.app), request.serving.instance
    container = engine.find(client, own.instance(mine))
    if container is not None and engine.inspect_state(container)["Running"]:
        if engine.run_in(container, "readlink", names.LIVE)[1] == names.socket_name(mine):
            _rename(container, _elsewhere(client, request))
        if read_standby(container):
            engine.put(container, names.STANDBY, b"")
    _sweep(client, request, keep={mine})
    return "off"


def _elsewhere(client: docker.DockerClient, request: TrafficRequest) -> str:
    """Socket of a running instance of another stack, '' where there is none."""
    mine = request.stack or request.owner
    others = [one for one in engine.instances(client, request.app) if one.status == "running" and engine.stack_of(one) != mine]
    return names.socket_name(others[0].labels[names.LABEL_INSTANCE]) if others else ""
