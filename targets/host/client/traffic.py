"""All or nothing over hosts: all are asked whether they could, then traffic moves host by host, and a failure moves it back."""

import json
import os
from typing import Any

from targets.common.errors import AgentError
from targets.host.client.hosts import Host, each


def switch(hosts: list[Host], request: dict[str, Any], rolling: int) -> str:
    """Move traffic on all hosts, ``rolling`` at a time; returns what serves now and what served before, as one line of JSON."""
    noted = request.pop("noted")
    _expect_ready(hosts, request)
    before: dict[str, str] = {}
    for start in range(0, len(hosts), rolling):
        batch = hosts[start : start + rolling]
        results = each(batch, lambda host: str(json.loads(host.agent("switch", json.dumps(request)))["before"]))
        before |= {host.name: result for host, result in zip(batch, results, strict=True) if isinstance(result, str)}
        failures = [result for result in results if isinstance(result, AgentError)]
        if failures:
            moved = [host for host in hosts if host.name in before]
            raise AgentError("\n".join([f"{failures[0]}{_back(moved, request, before)}", *(str(one) for one in failures[1:])]))
    _retire(hosts, request, before)
    return _result(hosts, request, noted)


def _expect_ready(hosts: list[Host], request: dict[str, Any]) -> None:
    if len(hosts) == 1:
        return  # its own switch asks first
    failures = [
        result for result in each(hosts, lambda host: host.agent("ready", json.dumps(request))) if isinstance(result, AgentError)
    ]
    if failures:
        raise AgentError("\n".join([f"{failures[0]}; traffic was moved on no host", *(str(one) for one in failures[1:])]))


def _retire(hosts: list[Host], request: dict[str, Any], before: dict[str, str]) -> None:
    """What served by somebody's hand is drained and stopped: the engine stops only what it knows. Never fails the update."""
    try:
        last = json.loads(os.environ.get("PULUMI_COMMAND_STDOUT", ""))["instance"]
    except (ValueError, KeyError):
        return
    strays = [host for host in hosts if before.get(host.name) not in (None, "", request["instance"], last)]
    each(strays, lambda host: host.agent("retire", json.dumps({**request, "instance": before[host.name]})))


def _back(hosts: list[Host], request: dict[str, Any], before: dict[str, str]) -> str:
    """Hosts that had been switched go back to what they served; in words."""
    if not hosts:
        return ""
    results = each(hosts, lambda host: host.agent("back", json.dumps({**request, "instance": before[host.name]})))
    done = [host.name for host, result in zip(hosts, results, strict=True) if not isinstance(result, AgentError)]
    lost = [str(result) for result in results if isinstance(result, AgentError)]
    told = f"; {', '.join(done)} went back by {'itself' if len(done) == 1 else 'themselves'}" if done else ""
    return told + "".join(f"\n{one}" for one in lost)


def off(hosts: list[Host], request: dict[str, Any]) -> str:
    """The site is taken down."""
    request.pop("noted", None)
    failures = [
        result for result in each(hosts, lambda host: host.agent("off", json.dumps(request))) if isinstance(result, AgentError)
    ]
    if failures:
        raise AgentError("\n".join(map(str, failures)))
    return "off"


def _result(hosts: list[Host], request: dict[str, Any], noted: dict[str, Any]) -> str:
    """What serves, as the outputs of the stack tell it, with what served before."""
    # Imported now that traffic has moved: it takes half a second, and nobody waits for it any more.
    from targets import served
    from targets.serving import Serving

    serving = Serving(**{key: request[key] for key in ("interface", "server", "release", "instance")})
    history = served.add(served.before(os.environ.get("PULUMI_COMMAND_STDOUT", "")), served.entry(serving, **noted))
    previous = served.rollback_point(history)
    socket = f"/run/{request['app']}/{request['instance']}.sock"
    told = {
        **serving.model_dump(),
        "hosts": {host.name: {"instance": request["instance"], "socket": socket} for host in hosts},
        "previous": previous.model_dump() if previous else None,
        "served": [one.model_dump() for one in history],
    }
    return json.dumps(told)
