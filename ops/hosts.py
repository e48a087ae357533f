"""Hosts before an update: that their SSH ports answer. Nobody logs in: a few milliseconds, and no line in any journal."""

import json
import shutil
import socket
from collections.abc import Sequence

from ops.errors import Failed, Missing
from settings import Settings
from targets import choose
from targets.common.errors import AgentError
from targets.host import ask
from targets.host.client.connection import Connection
from targets.host.client.hosts import Host, each

SECONDS = 5.0


def expect_reachable(hosts: Sequence[Connection]) -> None:
    """Raises ``Missing`` for hosts that cannot be reached; one behind a bastion is asked for by its bastion."""
    if any(not host.local for host in hosts) and not shutil.which("ssh"):
        raise Missing("there is no ssh on this machine; way out: apt install openssh-client")
    failures = [words for words in each(hosts, _failure) if words]
    if failures:
        raise Missing("\n".join(f"{words}; way out: start it or make its SSH port reachable" for words in failures))


def stacks_on_hosts(settings: Settings, owner: str) -> set[str]:
    """Stacks that have instances of the site on any of the hosts that can be asked."""
    found = ask.sites(choose.connections(settings), settings.app.name, owner)
    return {stack for site in found for stack in site["stacks"].values()}


def remove_data(settings: Settings, owner: str) -> None:
    """Uploads, data and the site's user go from every host, once the site itself is gone. Raises ``Failed``."""
    name = settings.app.name
    request = json.dumps({"app": name, "owner": owner, "user": name})
    results = each([Host(one) for one in choose.connections(settings)], lambda host: host.agent("remove-data", request))
    failures = [str(one) for one in results if isinstance(one, AgentError)]
    if failures:
        raise Failed("\n".join(failures))


def _failure(host: Connection) -> str:
    if host.local:
        return ""
    first = host.proxy or host
    try:
        socket.create_connection((first.address, first.port), SECONDS).close()
    except OSError as error:
        return f"host {first.name} cannot be reached ({error.strerror or error})"
    return ""
