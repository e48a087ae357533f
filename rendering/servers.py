"""The command line of each server. Each takes its listening socket from the launcher (fd 3).

Versions and traps: gunicorn 27 (``-k asgi`` is stable since then), uvicorn 0.54 (no shutdown limit of its own),
uvicorn-worker 0.4, daphne 4.2 (takes a unix socket only in Twisted's ``systemd:`` form), hypercorn 0.18 (``fd://``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rendering.seconds import KEEP_ALIVE_SECONDS, STOP_SECONDS, TIMEOUT_MARGIN
from settings.model import Interface, Server

PACKAGES: Mapping[str, str] = {
    "gunicorn": "gunicorn>=27.0.1,<28",
    "uvicorn": "uvicorn>=0.54,<0.55",
    "uvicorn-worker": "uvicorn-worker>=0.4,<0.5",
    "httptools": "httptools>=0.8,<1",
    "uvloop": "uvloop>=0.22,<1",
    "websockets": "websockets>=15,<18",
    "daphne": "daphne>=4.2.3,<5",
    "hypercorn": "hypercorn>=0.18,<0.19",
}
"""What a release gets beside its own requirements, unless it names the package itself."""

_ALWAYS = ("gunicorn", "uvicorn", "uvicorn-worker", "httptools", "uvloop", "websockets")


def packages(server: Server, own: set[str]) -> tuple[str, ...]:
    """Server packages that a release needs so that both interfaces run from one image; ``own`` are the project's, and win."""
    wanted = [*_ALWAYS, server] if server in PACKAGES else list(_ALWAYS)
    return tuple(PACKAGES[name] for name in dict.fromkeys(wanted) if name not in own)


@dataclass(frozen=True, kw_only=True)
class ServerSpec:
    """What is served and by which server."""

    interface: Interface
    server: Server
    entry_point: str
    """``pkg.wsgi:application`` or ``pkg.asgi:application``."""
    workers: int = 3
    """Processes; ignored by daphne, which has one."""
    threads: int | None = None
    """Threads of a gunicorn WSGI worker; None for 4."""
    request_seconds: int = 60
    """How long Nginx waits for an answer."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Further flags without dashes; ``True`` gives a flag without a value, ``False`` leaves it out."""


def argv(spec: ServerSpec) -> list[str]:
    """The server's command line, without the launcher."""
    options = {**_defaults(spec), **spec.options}
    flags = [part for name, value in options.items() for part in _flag(name, value)]
    program = "gunicorn" if spec.server.startswith("gunicorn") else spec.server
    return [program, *flags, spec.entry_point]


def _flag(name: str, value: str) -> list[str]:
    if value == "False":
        return []
    return [f"--{name}"] if value == "True" else [f"--{name}", value]


def _defaults(spec: ServerSpec) -> dict[str, str]:
    workers, stop, alive = str(spec.workers), str(STOP_SECONDS), str(KEEP_ALIVE_SECONDS)
    gunicorn = {
        "workers": workers,
        "keep-alive": alive,
        "graceful-timeout": stop,
        # Longer than Nginx waits: a worker class that is stopped by it ends what nobody waits for any more, and nothing else.
        "timeout": str(spec.request_seconds + TIMEOUT_MARGIN),
        "worker-tmp-dir": "/dev/shm",
        "no-control-socket": "True",
    }
    match spec.server:
        case "gunicorn":
            return {"worker-class": "gthread", "threads": str(spec.threads or 4), **gunicorn}
        case "gunicorn-uvicorn":
            return {"worker-class": "uvicorn_worker.UvicornWorker", "forwarded-allow-ips": "*", **gunicorn}
        case "gunicorn-asgi":
            return {"worker-class": "asgi", "asgi-lifespan": "off", **gunicorn}
        case "uvicorn":
            return {
                "fd": "3",
                "workers": workers,
                "lifespan": "off",
                "timeout-keep-alive": alive,
                "timeout-graceful-shutdown": stop,
                "forwarded-allow-ips": "*",
                "no-access-log": "True",
                "no-server-header": "True",
            }
        case "daphne":
            return {
                "endpoint": "systemd:domain=UNIX:index=0",
                "proxy-headers": "True",
                "access-log": "/dev/null",
                "no-server-name": "True",
            }
        case "hypercorn":
            return {"bind": "fd://3", "workers": workers, "keep-alive": alive, "graceful-timeout": stop}
