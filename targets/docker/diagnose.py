"""What is wrong with a site on the Docker engine now: containers, their last lines, the live socket, Nginx, disk."""

import json
import re
import time
from collections.abc import Collection, Sequence
from datetime import datetime

from docker.errors import APIError, DockerException
from docker.models.containers import Container

from rendering.seconds import STOP_SECONDS, UPSTREAM_SECONDS
from targets.common import inside
from targets.common.causes import redact
from targets.common.diagnosis import Line
from targets.common.errors import AgentError
from targets.common.site_facts import Disk, Facts, Process
from targets.docker import names
from targets.docker.agent import engine
from targets.docker.agent.proxy import CONF
from targets.docker.observe import observe

STARTING = 3
"""Seconds in which a server that was started again is not asked to answer yet."""
LINES = 2000
"""Of each log that are read at most."""


def look(
    app: str, services: Sequence[str], asked: tuple[str, str, str], front: str, minutes: int, secrets: Collection[str]
) -> Facts:
    """Facts of the site. Raises ``AgentError`` without an engine.

    ``asked`` is the Host header, path and scheme of the health check, ``front`` where Nginx is published: ``127.0.0.1:8080``.
    """
    client = engine.connect()
    own, observed = names.Names(app), observe(app)
    live = observed.live
    since = time.time() - minutes * 60
    try:
        proxy, instance = engine.find(client, own.proxy), engine.find(client, own.instance(live)) if live else None
        data = [_process(engine.find(client, f"{app}-{service}"), f"{app}-{service}") for service in services]
        nginx, server = _process(proxy, own.proxy), _process(instance, own.instance(live or "none"))
        host, path, scheme = asked
        return Facts(
            asked=f"GET {path} with Host {host}",
            live=live,
            instance=server,
            nginx=nginx,
            services=tuple(data),
            socket=_has_socket(proxy, live) if nginx.running and live else True,
            own=_ask(instance if server.running else None, host, path, f"{names.SOCKETS}/{names.socket_name(live)}", scheme),
            through=_through(instance if server.running else None, host, path, front, f"{own.proxy}:80"),
            disks=_disks(proxy if nginx.running else instance if server.running else None),
            command=_command(instance),
            nginx_text=engine.run_in(proxy, "cat", CONF)[1] if proxy is not None and nginx.running else "",
            stop_seconds=STOP_SECONDS + 5,
            upstream_seconds=UPSTREAM_SECONDS,
            app_log=_log(instance, since, secrets, both=True),
            nginx_log=_log(proxy, max(since, started(instance) + STARTING), secrets, both=False),
        )
    except (DockerException, OSError) as error:
        raise AgentError(f"the Docker engine went away ({error}); way out: start it, then run this again") from None


_NOBODY = (0, "nobody to ask")


def _process(container: Container | None, name: str) -> Process:
    if container is None:
        return Process(name, running=False, told="there is no such container")
    state = engine.inspect_state(container)
    restarts = int(container.attrs.get("RestartCount") or 0)
    running = bool(state["Running"]) and not state["Restarting"]
    why = state.get("Error") or f"exited with status {state['ExitCode']}"
    told = why if not running else f"its last run {why}" if restarts else ""
    return Process(name, running=running, told=told, oom=bool(state["OOMKilled"]), restarts=restarts)


def started(container: Container | None) -> float:
    """When it was started; 0 where it does not run. What Nginx said of it before is past."""
    state = container.attrs["State"] if container is not None else {}
    found = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", str(state.get("StartedAt", ""))) if state.get("Running") else None
    return datetime.fromisoformat(f"{found[1]}+00:00").timestamp() if found else 0.0


def _through(instance: Container | None, host: str, path: str, front: str, inner: str) -> tuple[int, str]:
    """Through Nginx, as users come; of an engine on another machine, from within the site's network."""
    return inside.probe(host, path, front) if engine.is_local() else _ask(instance, host, path, inner)


def _has_socket(proxy: Container | None, live: str) -> bool:
    return proxy is None or engine.run_in(proxy, "test", "-S", f"{names.SOCKETS}/{names.socket_name(live)}")[0] == 0


def _ask(container: Container | None, host: str, path: str, address: str, scheme: str = "http") -> tuple[int, str]:
    """One GET from inside the instance's container: Nginx's own may have no Python."""
    if container is None:
        return _NOBODY
    try:
        # As the server's own user: root without capabilities may not open a socket that only its owner may.
        done = container.exec_run(["python3", names.INSIDE, "probe", host, path, address, scheme])
        output = bytes(done.output).decode(errors="replace").strip()  # type: ignore[arg-type]
        code, detail = json.loads(output.splitlines()[-1]) if done.exit_code == 0 and output else (0, output[-200:])
    except (APIError, ValueError) as error:
        return 0, str(error)
    return int(code), str(detail)


def _disks(container: Container | None) -> tuple[Disk, ...]:
    """The engine's disk, as a container of the site sees it: each file system once."""
    if container is None:
        return ()
    _, output = engine.run_in(container, "df", "-Pk", names.STATIC, names.SOCKETS)
    rows = [line.split() for line in output.splitlines()[1:]]
    found = {row[0]: Disk(row[5], int(row[3]) // 1024) for row in rows if len(row) == 6 and row[3].isdigit()}
    return tuple(found.values())


def _command(container: Container | None) -> tuple[str, ...]:
    """The server's command line: what stands behind the launcher's ``--``."""
    args = [str(part) for part in (container.attrs.get("Args") or ())] if container is not None else []
    return tuple(args[args.index("--") + 1 :]) if "--" in args else ()


def _log(container: Container | None, since: float, secrets: Collection[str], *, both: bool) -> tuple[Line, ...]:
    """Last lines, redacted; of Nginx only what it says on standard error, where no requests are logged."""
    if container is None:
        return ()
    raw = container.logs(stdout=both, stderr=True, since=int(since), tail=LINES, timestamps=True)
    return lines(redact(raw.decode(errors="replace"), list(secrets)))


def lines(text: str) -> tuple[Line, ...]:
    """Lines with Docker's time stamps."""
    found = (re.match(r"\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)\S*Z (.*)", line) for line in text.splitlines())
    return tuple(Line(f"{one[1]} UTC", one[2]) for one in found if one)
