"""All or nothing over hosts: all are asked whether they could, then traffic moves host by host, and a failure moves it back."""

import json
import os
from collections.abc import Sequence
from typing import Any

from targets.common.errors import AgentError
from targets.host.client import watching
from targets.host.client.hosts import Host, each

Told = dict[str, Any]


def switch(hosts: list[Host], request: dict[str, Any], rolling: int) -> str:
    """Move traffic on all hosts, ``rolling`` at a time; returns what serves now and what served before, as one line of JSON."""
    noted = request.pop("noted")
    before, standbys = move(hosts, request, rolling)
    _retire(hosts, request, before)
    return _result(hosts, request, noted, standbys)


def move(hosts: Sequence[Host], request: dict[str, Any], rolling: int) -> tuple[dict[str, str], dict[str, Told]]:
    """Move traffic on all hosts or on none, and watch it where that is asked for; returns what each host served before, and
    which standby it has now.
    """
    _expect_ready(hosts, request)
    moved: dict[str, Told] = {}
    for start in range(0, len(hosts), rolling):
        batch = hosts[start : start + rolling]
        results = each(batch, lambda host: json.loads(host.agent("switch", json.dumps(request))))
        moved |= {host.name: result for host, result in zip(batch, results, strict=True) if not isinstance(result, AgentError)}
        failures = [result for result in results if isinstance(result, AgentError)]
        if failures:
            raise AgentError("\n".join([f"{failures[0]}{_back(hosts, request, moved)}", *(str(one) for one in failures[1:])]))
    if words := watching.wrong(hosts, request, moved):
        raise AgentError(f"{words}{_back(hosts, request, moved)}")
    return {name: told["before"] for name, told in moved.items()}, _finish(hosts, request, moved)


def _finish(hosts: Sequence[Host], request: dict[str, Any], moved: dict[str, Told]) -> dict[str, Told]:
    """Only now that no host goes back: who stays as the standby is noted, and nobody else does. Never fails the update."""
    left = [host for host in hosts if moved[host.name].get("finish")]

    def finish(host: Host) -> Told:
        told: Told = json.loads(host.agent("finish", json.dumps({**request, "before": moved[host.name]["before"]})))
        return told

    results = zip(left, each(left, finish), strict=True) if left else ()
    return {host.name: told for host, told in results if not isinstance(told, AgentError) and told["standby"]}


def _expect_ready(hosts: Sequence[Host], request: dict[str, Any]) -> None:
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


def _back(hosts: Sequence[Host], request: dict[str, Any], moved: dict[str, Told]) -> str:
    """Hosts that had been switched go back to what they served; in words."""
    hosts = [host for host in hosts if host.name in moved]
    if not hosts:
        return ""
    results = each(hosts, lambda host: host.agent("back", json.dumps({**request, "instance": moved[host.name]["before"]})))
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


def _result(hosts: list[Host], request: dict[str, Any], noted: dict[str, Any], standbys: dict[str, Told]) -> str:
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
        "hosts": {
            host.name: {"instance": request["instance"], "socket": socket, **_standby(standbys.get(host.name))} for host in hosts
        },
        "previous": previous.model_dump() if previous else None,
        "served": [one.model_dump() for one in history],
    }
    return json.dumps(told)


def _standby(told: Told | None) -> Told:
    """Which instance is kept running on a host, and what memory that cost when it was left."""
    return {"standby": told["standby"], "standby_mib": told["memory"]} if told else {}
