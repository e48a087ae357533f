"""The small steps: volumes, data services, env files, release tasks."""

import json
import time

import docker
from docker.models.containers import Container
from requests.exceptions import RequestException

from rendering.dockerfile import GROUP_ID
from targets.common import agreement
from targets.common.causes import cause, redact, report
from targets.common.errors import AgentError
from targets.docker import names
from targets.docker.agent import code, engine
from targets.docker.requests import EnvRequest, JoinRequest, ServiceRequest, StorageRequest, TaskRequest
from targets.docker.services import data_service

LIMITS = {"check": 120, "migrate": 3600, "collectstatic": 900}
"""Seconds; a task that takes longer hangs."""

SERVICE_SECONDS = 120


def prepare(client: docker.DockerClient, request: StorageRequest) -> str:
    """Folders and modes in the site's volumes; what is in them stays."""
    own = names.Names(request.app)
    volumes = {
        own.volume("sockets"): names.SOCKETS,
        own.volume("static"): names.STATIC,
        own.volume("media"): names.MEDIA,
    }
    folders = [names.SOCKETS, names.STATIC, f"{names.STATIC}/files", f"{names.STATIC}/releases", names.MEDIA]
    with engine.stub(client, request.app, volumes) as writer:
        writer.put_archive("/", engine.shared_folder(*folders))
    if "redis" in request.services:
        with engine.stub(client, request.app, {own.volume("redis-socket"): names.SERVICE_SOCKETS["redis"]}) as writer:
            writer.put_archive("/", engine.archive({names.SERVICE_SOCKETS["redis"]: None}, mode=0o777))
    return "ready"


def await_service(client: docker.DockerClient, request: ServiceRequest) -> str:
    """Wait until the data service takes connections; when it does not, its last lines tell why."""
    container = client.containers.get(request.container)
    ready = data_service(request.service, request.app).ready
    end = time.monotonic() + SERVICE_SECONDS
    while time.monotonic() < end:
        if engine.inspect_state(container)["Running"] and engine.run_in(container, *ready)[0] == 0:
            return "ready"
        time.sleep(0.2)
    log = redact(container.logs(tail=200).decode(errors="replace"), [])
    raise AgentError(report(f"{request.service} of {request.app} takes no connections after {SERVICE_SECONDS} seconds", log))


def join(client: docker.DockerClient, request: JoinRequest) -> str:
    """The site that another stack has made is there; raises where it is not."""
    own = names.Names(request.app)
    wanted = {"Nginx": own.proxy, **{service: f"{request.app}-{service}" for service in request.services}}
    missing = [what for what, name in wanted.items() if engine.find(client, name) is None]
    if missing:
        first = request.owner.rpartition("/")[2]
        raise AgentError(f"stack {first} has no {' and no '.join(missing)} to join here; way out: make up STACK={first} first")
    return "joined"


def write_env(client: docker.DockerClient, request: EnvRequest) -> str:
    """The env file of that id, for root and the app's group only."""
    own = names.Names(request.app)
    with engine.stub(client, request.app, {own.volume("env"): names.ENV}) as writer:
        engine.put(writer, f"{names.ENV}/{request.env_id}.env", request.text.encode(), mode=0o640, gid=GROUP_ID)
    return request.env_id


def remove_env(client: docker.DockerClient, request: EnvRequest) -> str:
    """Empty and remove the env file of that id, and no other; one that a standby runs with stays as long as that does."""
    if any(code.env_of(container) == request.env_id for container in engine.instances(client, request.app)):
        return "in use"
    own = names.Names(request.app)
    folder = {own.volume("env"): names.ENV}
    with engine.stub(client, request.app, folder) as writer:
        if engine.get(writer, f"{names.ENV}/{request.env_id}.env") is not None:
            engine.put(writer, f"{names.ENV}/{request.env_id}.env", b"", mode=0o640, gid=GROUP_ID)
    return "removed"


def task(client: docker.DockerClient, request: TaskRequest) -> str:
    """Run ``check``, ``migrate`` or ``collectstatic`` in the release's image with its env; a failure shows its last lines."""
    launcher = ["python3", names.INSIDE]
    command = {
        "check": [*launcher, "check", names.FACTS, request.release],
        "migrate": ["python3", names.SCHEMA, names.FACTS, names.FILES, request.release, json.dumps(request.rules)],
        "collectstatic": [*launcher, "collect", names.FILES, names.FACTS, request.release],
    }[request.task]
    name = f"{request.app}-{request.task}-{request.release}"
    with engine.lock(request.app, request.task):
        files = code.shared(client, request)
        engine.remove(engine.find(client, name))
        env_file = f"{names.ENV}/{request.env_id}.env"
        labels = engine.temporary(request.app, "task", release=request.release)
        container = code.create(client, request, name, ["run", env_file, "--", *command], files, labels)
        try:
            container.start()
            status = _ended(container, LIMITS[request.task])
            log = code.log(container, files.secrets(request.secret_names))
        finally:
            engine.remove(container)
    if status is None:
        limit = f"it had not ended after {LIMITS[request.task]} seconds"
        raise AgentError(report(f"{request.task} of release {request.release} failed, nothing was switched", log, limit))
    if status:
        raise AgentError(
            report(f"{request.task} of release {request.release} failed, nothing was switched", log, _reason(log, request))
        )
    if request.task == "check":
        _check_files(code.shared(client, request).facts)
        return agreement.judge(log, request.site)
    return "done"


def _reason(log: str, request: TaskRequest) -> str:
    """That the settings module itself is missing, since it is a mistake of the config; '' where the log has to tell."""
    found = cause(log)
    missing = f"No module named '{request.settings_module}'" in found
    return f"{found}; app.settings (or app.module) names a settings module that is not there" if missing else ""


def _ended(container: Container, seconds: float) -> int | None:
    """Exit status, None when it still runs after that time."""
    try:
        return int(container.wait(timeout=seconds)["StatusCode"])
    except RequestException:  # the wait's own limit: requests has no single name for it
        return None


def _check_files(facts: code.Facts | None) -> None:
    """A database inside the container would be lost with it: refused before it can happen."""
    lost = [path for path in facts.sqlite if not path.startswith(facts.media_root or "\0")] if facts else []
    if lost and ":memory:" not in lost[0] and "mode=memory" not in lost[0]:
        raise AgentError(
            f"the database is the file {lost[0]} inside the container, and would be lost with every release; way out: "
            "pulumi config set --path gateway:services.postgres true, and read DATABASE_URL in the settings"
        )
