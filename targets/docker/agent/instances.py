"""Start an instance and prove it healthy; drain it and stop it."""

import contextlib
import json
import math
import time

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from requests.exceptions import RequestException

from rendering.seconds import STOP_SECONDS, UPSTREAM_SECONDS
from targets.common.causes import report, unhealthy
from targets.common.errors import AgentError
from targets.docker import names
from targets.docker.agent import code, engine, limits
from targets.docker.requests import InstanceRequest

EXIT_SECONDS = 10
"""How long a process whose exit has begun may take to be gone."""

LOOK_SECONDS = 10
STILL = 9
STILL_CONNECTED = (
    f'while grep -q " $0$" /proc/net/unix; do [ $(($1)) -gt 0 ] || exit {STILL}; set -- $(($1 - 1)); sleep 0.25; done'
)
"""Looks for connections to the socket $0, at most $1 times; ends with ``STILL`` when there are some to the last."""

MINIMUM_DRAIN_SECONDS = 2 * UPSTREAM_SECONDS + 1
"""Below this a connection that Nginx still holds could meet a stopped server, so no drain is shorter."""


def start(client: docker.DockerClient, request: InstanceRequest) -> str:
    """A healthy instance on its own socket, started now or found running. On failure nothing of it is left behind."""
    name = names.Names(request.app).instance(request.instance)
    with engine.lock(request.app, request.instance):
        files = code.shared(client, request)
        container = engine.find(client, name)
        if container is None or not _as_asked(container, request):
            engine.remove(container)
            container = _create(client, request, name, files)
        try:
            if container.status == "paused":
                container.unpause()
            container.start()
            _await_healthy(container, request, files)
        except AgentError:
            engine.remove(container)
            raise
        except (APIError, NotFound) as error:
            engine.remove(container)
            raise AgentError(f"Docker cannot start instance {request.instance}: {error}") from None
        # Only now: while it is being proved, a process that exits must be seen to exit.
        container.update(restart_policy={"Name": "always"})
        container.reload()
        limits.lift(client, container, "always")
    return name


def _as_asked(container: Container, request: InstanceRequest) -> bool:
    return bool(container.attrs["Image"] == request.image and container.labels.get(names.LABEL_INSTANCE) == request.instance)


def _create(client: docker.DockerClient, request: InstanceRequest, name: str, files: code.Shared) -> Container:
    serve = ["serve", f"{names.SOCKETS}/{names.socket_name(request.instance)}", f"{names.ENV}/{request.env_id}.env"]
    told = {key: getattr(request, key) for key in ("interface", "server", "release", "instance")}
    labels = engine.labels(request.app, request.owner, "instance", **told, stack=request.stack or request.owner)
    return code.create(client, request, name, [*serve, "--", *request.argv], files, labels)


def _await_healthy(container: Container, request: InstanceRequest, files: code.Shared) -> None:
    """Wait inside the container, over its own socket, with the real Host header: only HTTP 200 counts."""
    socket = f"{names.SOCKETS}/{names.socket_name(request.instance)}"
    what = f"the new instance {request.instance} ({request.interface}, {request.server}, release {request.release})"
    try:
        asked = (request.host, request.path, str(request.timeout), socket, request.scheme)
        ended, output = engine.run_in(container, "python3", names.INSIDE, "wait", *asked)
        answer = json.loads(output.splitlines()[-1]) if ended == 0 and output else None
    except APIError:
        answer = None  # it was gone before it could be asked; where it went meanwhile, Docker's own words are the output
    if answer is None:
        _await_exit(container)
    state = engine.inspect_state(container)
    log = code.log(container, files.secrets(request.secret_names))
    if not state["Running"] or state["Restarting"]:
        killed = "it was killed for lack of memory" if state["OOMKilled"] else ""
        raise AgentError(report(f"{what} exited at once with status {state['ExitCode']} and never took traffic", log, killed))
    status, detail = answer or (0, "no answer")
    if status != 200:
        raise AgentError(unhealthy(what, (request.host, request.path, request.timeout), (status, detail), log))


def _await_exit(container: Container) -> None:
    """The question ended without an answer, so the process that was asked is ending: wait until Docker has its status."""
    with contextlib.suppress(RequestException, APIError):
        container.wait(timeout=EXIT_SECONDS)


def stop(client: docker.DockerClient, request: InstanceRequest) -> str:
    """Drain, then stop and remove this instance, and no other: it may run after a newer one has been started."""
    own = names.Names(request.app)
    with engine.lock(request.app, request.instance):
        container = engine.find(client, own.instance(request.instance))
        if container is None:
            return "gone"
        if engine.inspect_state(container)["Running"]:
            if (engine.get(container, names.STANDBY) or b"").decode() == request.instance:
                _drain(client, own, request, container, park=True)
                return "standby"
            _drain(client, own, request, container)
            container.stop(timeout=STOP_SECONDS + 5)
        engine.remove(container)
    return "stopped"


def _drain(
    client: docker.DockerClient, own: names.Names, request: InstanceRequest, container: Container, *, park: bool = False
) -> None:
    """Wait until Nginx has no connection to the instance any more, at most ``drain_seconds``; then ask what is left to end.

    Only streams are left by then. That the socket's file has gone tells ``gateway_entry.py`` to close them properly. ``park``: it
    has its name again afterwards, since the instance stays and can be gone back to.
    """
    proxy = engine.find(client, own.proxy)
    if proxy is None or not engine.inspect_state(proxy)["Running"]:
        return
    _await_no_connection(proxy, request.instance, max(request.drain_seconds, MINIMUM_DRAIN_SECONDS))
    socket = f"{names.SOCKETS}/{names.socket_name(request.instance)}"
    if park and not connections(proxy, request.instance):
        return
    engine.run_in(container, "mv", "-f", socket, f"{socket}.parked")
    _await_no_connection(proxy, request.instance, STOP_SECONDS)
    end = ("mv", "-f", f"{socket}.parked", socket) if park else ("rm", "-f", f"{socket}.parked")
    engine.run_in(container, *end)


def _await_no_connection(proxy: Container, instance: str, seconds: float) -> None:
    """Wait in Nginx's container: each look from outside would be a process that Docker starts, four a second."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        looks = math.ceil(min(left, LOOK_SECONDS) * 4)
        status, _ = engine.run_in(
            proxy, "sh", "-c", STILL_CONNECTED, f"{names.SOCKETS}/{names.socket_name(instance)}", str(looks)
        )
        if status != STILL:
            return


def connections(proxy: Container, instance: str) -> int:
    """Connections that Nginx holds to the instance: requests, streams, WebSockets and idle ones.

    The server's end of a unix connection is listed where the client made it, under the path of the listening socket, so Nginx's
    own ``/proc/net/unix`` tells; nothing has to run in the instance.
    """
    status, table = engine.run_in(proxy, "cat", "/proc/net/unix")
    path = f"{names.SOCKETS}/{names.socket_name(instance)}"
    return sum(line.endswith(f" {path}") for line in table.splitlines()) if status == 0 else 0
