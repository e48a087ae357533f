"""``gateway VERB`` with a request as a line of JSON on standard input (then, for some, an archive): what Pulumi's steps call.

One short line on standard output; on failure status 1, and on standard error first the cause and the way out.
For people who are logged in: ``gateway status|logs|switch APP``; see ``gateway --help``.
"""

import os
import sys

# Before anything else is imported: modules beside this file must not take the place of the standard library's.
if __name__ == "__main__":
    sys.path[0] = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))

import json
from collections.abc import Callable
from typing import Any

from targets.common.errors import AgentError
from targets.host.agent import (
    by_hand,
    certificate,
    diagnose,
    ending,
    instances,
    nginx,
    prepare,
    releases,
    requests,
    sight,
    site,
    stacks,
    standby,
    tasks,
    traffic,
    venvs,
    watch,
)
from targets.host.agent.places import Places

Verb = tuple[type[requests.Request], Callable[[Any], object]]

VERBS: dict[str, Verb] = {
    "prepare": (requests.PrepareRequest, prepare.prepare),
    "join": (requests.JoinRequest, stacks.join),
    "env": (requests.EnvRequest, lambda request: prepare.write_env(request, _user(request.app))),
    "wants": (requests.VenvRequest, venvs.wants),
    "venv": (requests.VenvRequest, lambda request: venvs.build(request, sys.stdin.buffer)),
    "site": (requests.Request, site.told),
    "kept": (requests.ReleaseRequest, releases.kept),
    "pack": (requests.ReleaseRequest, releases.pack),
    "release": (requests.ReleaseRequest, lambda request: releases.unpack(request, sys.stdin.buffer)),
    "uv": (requests.Request, lambda request: venvs.take_uv(sys.stdin.buffer)),
    "collect": (requests.ReleaseRequest, releases.collect),
    "collect-env": (requests.EnvRequest, lambda request: releases.collect_records(Places(request.app))),
    "task": (requests.TaskRequest, tasks.task),
    "start": (requests.InstanceRequest, instances.start),
    "stop": (requests.InstanceRequest, ending.stop),
    "certificate": (requests.CertificateRequest, certificate.put),
    "issue": (requests.IssueRequest, certificate.issue),
    "end-issue": (requests.IssueRequest, certificate.end),
    "proxy": (requests.ProxyRequest, nginx.apply),
    "kept-site": (requests.ProxyRequest, nginx.kept_site),
    "remove-proxy": (requests.ProxyRequest, nginx.remove),
    "remove-site": (requests.PrepareRequest, prepare.remove_site),
    "remove-data": (requests.PrepareRequest, prepare.remove_data),
    "ready": (requests.TrafficRequest, traffic.ready),
    "switch": (requests.TrafficRequest, traffic.switch),
    "back": (requests.TrafficRequest, traffic.back),
    "watch": (requests.WatchRequest, watch.watch),
    "finish": (requests.FinishRequest, standby.finish),
    "schema": (requests.SchemaRequest, standby.ask_schema),
    "retire": (requests.TrafficRequest, ending.retire),
    "diagnose": (requests.DiagnoseRequest, diagnose.diagnose),
    "off": (requests.TrafficRequest, traffic.off),
    "look": (requests.LookRequest, sight.look),
    "around": (requests.AroundRequest, sight.around),
}


def _user(app: str) -> str:
    return Places(app).env.group()


def step(verb: str) -> int:
    """Run one step of an update on the request that standard input has."""
    kind, act = VERBS[verb]
    try:
        told = act(requests.parse(kind, sys.stdin.buffer.readline().decode()))
        print(json.dumps(told) if isinstance(told, dict) else told or "done")
    except AgentError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"gateway: '{verb}' failed ({error}); way out: mend that, then run the update again", file=sys.stderr)
        return 1
    return 0


def main(argv: list[str]) -> int:
    """A step, or what an operator asks."""
    if len(argv) == 1 and argv[0] in VERBS and not sys.stdin.isatty():
        return step(argv[0])
    return by_hand.main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
