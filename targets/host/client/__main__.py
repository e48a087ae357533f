"""``python targets/host/client VERB``: what Pulumi's commands call. On standard input, as JSON: the hosts and the request.

One short line on standard output; on failure status 1, and on standard error first the cause and the way out.
"""

import os
import sys

# Before anything else is imported: modules beside this file must not take the place of the standard library's.
if __name__ == "__main__":
    sys.path[0] = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))

import contextlib
import json
from collections.abc import Sequence
from typing import Any

from targets.common.errors import AgentError
from targets.host.client import traffic
from targets.host.client.connection import connection
from targets.host.client.hosts import Host
from targets.host.client.ssh import Gone, Stranger, believed

DELETES = ("stop", "collect", "collect-env", "remove-proxy", "remove-site", "end-issue")
"""What an update does to a host that is taken out of the config."""


def act(verb: str, text: str) -> str:
    """Run one step; its line of output."""
    given = json.loads(text)
    hosts = [Host(connection(one)) for one in given["hosts"]]
    request = given["request"]
    if verb == "switch":
        return traffic.switch(hosts, request, given["rolling"])
    if verb == "off":
        return traffic.off(hosts, request)
    host, *others = hosts
    try:
        return _one(host, verb, request, others)
    except Gone as error:
        if verb not in DELETES:
            raise
        if isinstance(error, Stranger) and (rebuilt := believed(host.connection)):
            return _one(Host(rebuilt), verb, request, others)
        if host.connection.address in os.environ.get("GATEWAY_FORGET", "").split(","):
            return "forgotten"
        forget = f"if it is gone for good: GATEWAY_FORGET={host.connection.address} make up"
        raise AgentError(f"{error}; {forget}") from None


def _one(host: Host, verb: str, request: dict[str, Any], others: Sequence[Host]) -> str:
    """``others`` are hosts that may have what this one has lost."""
    if verb in ("release", "collect"):
        from targets.host.client import uploads

        return uploads.release(host, request, others) if verb == "release" else uploads.collect(host, request)
    if verb == "proxy" and request["kept"]:
        request = {**request, "site": _kept_site([host, *others], request)}
    return host.agent(verb, json.dumps(request))


def _kept_site(hosts: Sequence[Host], request: dict[str, Any]) -> str:
    """An earlier site of Nginx from the first host that has it, '' where none has."""
    for host in hosts:
        with contextlib.suppress(AgentError):
            if text := json.loads(host.agent("kept-site", json.dumps(request)))["text"]:
                return str(text)
    return ""


def main(verb: str, text: str) -> int:
    """One step, and how it ended."""
    try:
        print(act(verb, text))
    except AgentError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"gateway: '{verb}' failed on this machine ({error}); way out: mend that, then run it again", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.stdin.read()))
