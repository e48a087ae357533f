"""``python targets/host/client VERB``: what Pulumi's commands call. On standard input, as JSON: the hosts and the request.

One short line on standard output; on failure status 1, and on standard error first the cause and the way out.
"""

import os
import sys

# Before anything else is imported: modules beside this file must not take the place of the standard library's.
if __name__ == "__main__":
    sys.path[0] = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))

import json
from typing import Any

from targets.common.errors import AgentError
from targets.host.client import traffic
from targets.host.client.connection import connection
from targets.host.client.hosts import Host
from targets.host.client.ssh import Gone

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
    (host,) = hosts
    try:
        return _one(host, verb, request)
    except Gone as error:
        if verb not in DELETES:
            raise
        if host.connection.address in os.environ.get("GATEWAY_FORGET", "").split(","):
            return "forgotten"
        forget = f"if it is gone for good: GATEWAY_FORGET={host.connection.address} make up"
        raise AgentError(f"{error}; {forget}") from None


def _one(host: Host, verb: str, request: dict[str, Any]) -> str:
    if verb in ("release", "collect"):
        from targets.host.client import uploads

        return {"release": uploads.release, "collect": uploads.collect}[verb](host, request)
    return host.agent(verb, json.dumps(request))


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
