"""The command line of every server, in full."""

from typing import get_args

import pytest

from rendering.servers import ServerSpec, argv, packages
from settings.model import SERVERS, Interface, Server

GUNICORN = [
    *("--workers", "3", "--keep-alive", "75", "--graceful-timeout", "5", "--timeout", "65"),
    *("--worker-tmp-dir", "/dev/shm", "--no-control-socket"),
]

COMMANDS: dict[Server, list[str]] = {
    "gunicorn": ["gunicorn", "--worker-class", "gthread", "--threads", "4", *GUNICORN, "shop.app:application"],
    "gunicorn-uvicorn": [
        *("gunicorn", "--worker-class", "uvicorn_worker.UvicornWorker", "--forwarded-allow-ips", "*"),
        *(*GUNICORN, "shop.app:application"),
    ],
    "gunicorn-asgi": ["gunicorn", "--worker-class", "asgi", "--asgi-lifespan", "off", *GUNICORN, "shop.app:application"],
    "uvicorn": [
        *("uvicorn", "--fd", "3", "--workers", "3", "--lifespan", "off", "--timeout-keep-alive", "75"),
        *("--timeout-graceful-shutdown", "5", "--forwarded-allow-ips", "*", "--no-access-log", "--no-server-header"),
        "shop.app:application",
    ],
    "daphne": [
        *("daphne", "--endpoint", "systemd:domain=UNIX:index=0", "--proxy-headers"),
        *("--access-log", "/dev/null", "--no-server-name", "shop.app:application"),
    ],
    "hypercorn": [
        *("hypercorn", "--bind", "fd://3", "--workers", "3", "--keep-alive", "75", "--graceful-timeout", "5"),
        "shop.app:application",
    ],
}


def spec(server: Server, options: dict[str, str] | None = None, threads: int | None = None) -> ServerSpec:
    interface: Interface = "wsgi" if server in SERVERS["wsgi"] else "asgi"
    entry = "shop.app:application"
    return ServerSpec(interface=interface, server=server, entry_point=entry, workers=3, threads=threads, options=options or {})


@pytest.mark.parametrize("server", get_args(Server))
def test_every_server_has_this_command_line(server: Server) -> None:
    assert argv(spec(server)) == COMMANDS[server]


def test_a_worker_has_longer_than_nginx_waits_for_it() -> None:
    given = ServerSpec(interface="wsgi", server="gunicorn", entry_point="shop.app:application", request_seconds=120)
    assert argv(given)[argv(given).index("--timeout") + 1] == "125"


def test_threads_are_those_of_the_config() -> None:
    command = argv(spec("gunicorn", threads=8))
    assert command[command.index("--threads") + 1] == "8"


def test_an_option_of_the_config_is_added() -> None:
    command = argv(spec("uvicorn", {"limit-concurrency": "100"}))
    assert command[command.index("--limit-concurrency") + 1] == "100"
    assert command[-1] == "shop.app:application"


def test_an_option_of_the_config_takes_the_place_of_a_default() -> None:
    command = argv(spec("gunicorn", {"keep-alive": "9"}))
    assert command.count("--keep-alive") == 1
    assert command[command.index("--keep-alive") + 1] == "9"


def test_true_is_a_flag_without_a_value_and_false_leaves_it_out() -> None:
    command = argv(spec("uvicorn", {"proxy-headers": "True", "no-access-log": "False"}))
    assert "--no-access-log" not in command
    assert command[command.index("--proxy-headers") + 1] == "shop.app:application"
    assert not {"True", "False"} & set(command)


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn", "gunicorn-uvicorn", "gunicorn-asgi"])
def test_one_image_runs_either_interface(server: Server) -> None:
    names = [package.partition(">")[0] for package in packages(server, set())]
    assert names == ["gunicorn", "uvicorn", "uvicorn-worker", "httptools", "uvloop", "websockets"]


@pytest.mark.parametrize("server", ["daphne", "hypercorn"])
def test_a_further_server_is_added_when_it_is_asked_for(server: Server) -> None:
    assert packages(server, set())[-1].startswith(f"{server}>=")


def test_a_package_that_the_project_names_is_not_added() -> None:
    assert [p for p in packages("daphne", {"daphne", "uvloop"}) if p.startswith(("daphne", "uvloop"))] == []
