"""Proving an instance on Docker healthy: a server that ends in the very moment in which it is asked is told as one that ended."""

from typing import Any

import pytest

from targets.common.errors import AgentError
from targets.docker.agent import code, engine, instances
from targets.docker.requests import InstanceRequest

REQUEST = InstanceRequest(
    app="shop",
    owner="gateway/dev",
    release="1" * 10,
    image="sha256:1",
    env_id="e" * 10,
    secret_names=(),
    settings_module="shop.settings",
    services=(),
    variables={},
    instance="i" * 10,
    interface="wsgi",
    server="gunicorn",
    argv=("gunicorn",),
    host="localhost",
    path="/health/",
    timeout=1,
    drain_seconds=5,
)


class Ending:
    """A container whose server had a flag too many: Docker has its exit status only once it was waited for."""

    def __init__(self) -> None:
        self.state = {"Running": True, "Restarting": False, "OOMKilled": False, "ExitCode": 0}

    def wait(self, **_: object) -> None:
        self.state |= {"Running": False, "ExitCode": 2}


@pytest.mark.parametrize(
    "asked",
    [
        (126, "OCI runtime exec failed: exec failed: unable to start container process: procReady not received"),
        (137, '{"half": '),
        (0, ""),
    ],
)
def test_docker_s_words_about_an_exit_are_no_answer_of_the_server(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "run_in", lambda *_: asked)
    monkeypatch.setattr(engine, "inspect_state", lambda container: container.state)
    monkeypatch.setattr(code, "log", lambda *_: "usage: gunicorn")
    container: Any = Ending()
    with pytest.raises(AgentError, match="exited at once with status 2 and never took traffic"):
        instances._await_healthy(container, REQUEST, code.Shared(None, None, None))
