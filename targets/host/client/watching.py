"""After a switch: all hosts are watched at the same time, and the first one that does not do well ends it."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from targets.common.errors import AgentError
from targets.host.client.hosts import Host


def wrong(hosts: Sequence[Host], request: dict[str, Any], moved: Mapping[str, Mapping[str, Any]]) -> str:
    """What was seen and where, '' for nothing. ``moved``: what each host's switch told.

    Only hosts that served another instance before are watched: on the others there is nothing to go back to. The watch of the
    other hosts ends by itself once they have gone back.
    """
    watched = [host for host in hosts if moved[host.name]["before"] not in ("", request["instance"])]
    if not request.get("watch_seconds") or not watched:
        return ""
    pool = ThreadPoolExecutor(max_workers=len(watched))
    try:
        asked = [pool.submit(_watch, host, request, moved[host.name]["mark"]) for host in watched]
        return next((words for one in as_completed(asked) if (words := one.result())), "")
    finally:
        pool.shutdown(wait=False)


def _watch(host: Host, request: dict[str, Any], mark: Mapping[str, int]) -> str:
    instance = request["instance"]
    try:
        seen = json.loads(host.agent("watch", json.dumps({**request, "mark": mark})))["wrong"]
    except AgentError as error:
        return f"instance {instance} took traffic and could not be watched: {error}"
    look = f"gateway logs {request['app']} {instance} tells more there"
    return f"instance {instance} took traffic and did not do well: {host.told(seen)}; {look}" if seen else ""
