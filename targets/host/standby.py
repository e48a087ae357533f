"""The standby of hosts: what it costs, and the way back to it by one rename on each, on all hosts or on none."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from settings.model import Settings
from targets.host import ask
from targets.host.agent.requests import SchemaRequest, TrafficRequest
from targets.host.client import traffic
from targets.host.client.connection import Connection
from targets.host.client.hosts import Host
from targets.host.confined import task_properties
from targets.serving import Serving


def kept(told: Mapping[str, Mapping[str, Any]]) -> str:
    """Which instance is kept running and its memory, in words, from what the stack tells of its hosts; '' for none."""
    having = [one for one in told.values() if one.get("standby")]
    if not having:
        return ""
    each = f" on each of {len(having)} hosts" if len(having) > 1 else ""
    most = max(one["standby_mib"] for one in having)
    return f"instance {having[0]['standby']} is kept running, {most} MiB of memory{each}"


@dataclass(frozen=True)
class WayBack:
    """To the standby ``then``, before any engine has started."""

    settings: Settings
    owner: str
    then: Serving
    connections: Sequence[Connection]

    def move(self) -> str:
        """Give it the traffic; returns in words what has it, '' where not all hosts have it. Raises ``AgentError``; then all is
        as it was."""
        moved = go_back(self.settings, self.owner, self.then, self.connections)
        return f"the standby {self.then.instance}" if moved else ""

    def leave(self) -> None:
        """It runs on."""


def go_back(settings: Settings, owner: str, serving: Serving, connections: Sequence[Connection]) -> bool:
    """Give the standby the traffic before any engine has started; False where not all hosts have it.

    Raises ``AgentError`` when it does not know the schema, or does not answer through Nginx; then all is as it was.
    """
    app, hosts = settings.app.name, [Host(one) for one in connections]
    sites = ask.sites(connections, app, owner)
    if len(sites) < len(hosts) or not all(serving.instance in site["standbys"] for site in sites):
        return False
    if not settings.allow_newer_schema:
        _ask_schema(hosts[0], settings, owner, serving.instance)
    request = TrafficRequest(
        app=app,
        owner=owner,
        stack=owner,
        instance=serving.instance,
        interface=serving.interface,
        server=serving.server,
        release=serving.release,
        host=settings.domains[0],
        path=settings.health.path,
        address=settings.listen_address,
        port=settings.port,
        standby=True,
    )
    traffic.move(hosts, json.loads(request.json()), settings.rolling)
    return True


def _ask_schema(host: Host, settings: Settings, owner: str, instance: str) -> None:
    properties = task_properties(settings.app.name, plain=settings.serving == "tcp")
    request = SchemaRequest(app=settings.app.name, owner=owner, instance=instance, properties=properties)
    host.agent("schema", request.json())
