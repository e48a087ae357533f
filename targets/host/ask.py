"""What only the hosts themselves know, asked over SSH: for a rollback, and for nothing that is done without one.

The login is the one that the update's first step would make: later steps go through it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from targets.common.errors import AgentError
from targets.host.client.connection import Connection
from targets.host.client.hosts import Host, each
from targets.observation import KeptRelease


def sites(hosts: Sequence[Connection], app: str, owner: str) -> list[dict[str, Any]]:
    """What each host knows of the site; hosts that cannot be asked are left out: the update will say so."""
    request = json.dumps({"app": app, "owner": owner})
    answers = each([Host(one) for one in hosts], lambda host: json.loads(host.agent("site", request)))
    return [one for one in answers if not isinstance(one, AgentError)]


def releases(hosts: Sequence[Connection], app: str, owner: str) -> Mapping[str, KeptRelease]:
    """Releases that are on any of the hosts: one that has lost a release gets it from another."""
    found: dict[str, KeptRelease] = {}
    for site in sites(hosts, app, owner):
        for one in site["releases"]:
            told = KeptRelease(one["settings_module"], frozenset(one["migrations"]))
            if not found.get(one["release"], KeptRelease()).settings_module:
                found[one["release"]] = told
    return found
