"""The switch on this host: ``live.sock`` is renamed onto the instance's socket, proved through Nginx, renamed back on failure."""

import json
import time
from typing import Any

from targets.common import inside
from targets.common.access_log import Log
from targets.common.errors import AgentError
from targets.host.agent import error_log, instances, nginx_service, releases, stacks, system
from targets.host.agent.places import Places
from targets.host.agent.requests import TrafficRequest

PROBE_SECONDS = 15
"""More than Nginx keeps connections to the old instance."""


def ready(request: TrafficRequest) -> str:
    """Whether the instance could take traffic here now: asked of all hosts before any is switched."""
    places = Places(request.app)
    aside, socket = places.parked(request.instance), places.socket(request.instance)
    if aside.exists() and not socket.exists():  # of a drain that was killed
        aside.replace(socket)
    if request.instance not in system.units_of(places) or not socket.exists():
        raise AgentError(f"instance {request.instance} is gone; way out: run the update again")
    return "ready"


def switch(request: TrafficRequest) -> str:
    """Move traffic, and prove it; returns, as JSON, what was live before, what a watch begins with (``mark``), and whether
    anything is left to ``finish``. On failure all is as it was.
    """
    places = Places(request.app)
    # An instance that was live until now may still be on its way out of service: its drain holds the second lock.
    with system.lock(request.app, "traffic"), system.lock(request.app, request.instance):
        ready(request)
        before, mark = live(places), watch_from(places, request.instance) if request.watch_seconds else {}
        point(places, request.instance)
        failure = proof(request)
        if failure:
            if before != request.instance:
                point(places, before)
            back = f"traffic is back on {before}" if before else "nothing served before"
            raise AgentError(f"the site did not answer through the proxy after the switch ({failure}); {back}")
        settle(places, request.instance)
        strays = stacks.units_of(places, request.mine) - {request.instance, before}
        more = request.standby or strays or standby_of(places, request.mine)
    return json.dumps({"before": before, "mark": mark, "finish": bool(more)})


def watch_from(places: Places, instance: str) -> dict[str, int]:
    """Which process serves and where Nginx's log ends before the switch: a watch begins with it."""
    pid, restarts = system.process_of(places, instance)
    return {"pid": pid, "restarts": restarts, **Log(places.access_log).end()}


def back(request: TrafficRequest) -> str:
    """Put the instance that was live before back, after another host failed; '' for none."""
    places = Places(request.app)
    with system.lock(request.app, "traffic"):
        point(places, request.instance)
        settle(places, request.instance)
        if not request.instance:
            _forget(places, request.mine)
    return "back"


def off(request: TrafficRequest) -> str:
    """The stack is taken down, and its standby with it. Traffic goes to another stack of the site, if one runs, or nowhere: then
    the link goes, so that nothing seems to serve.
    """
    places = Places(request.app)
    with system.lock(request.app, "traffic"):
        kept, to = standby_of(places, request.mine), stacks.elsewhere(places, request.mine)
        if live(places) == request.instance:
            point(places, to)
            if to:
                settle(places, to)
        _forget(places, request.mine)
        if kept:
            instances.remove(places, kept)
    return "off"


def _forget(places: Places, stack: str) -> None:
    """Nothing serves for that stack any more."""
    told = system.read_json(places.serving)
    if told:
        told["stacks"] = {name: one for name, one in stacks.records(places).items() if name != stack}
        system.write(places.serving, json.dumps(told))


def live(places: Places) -> str:
    """The instance that has the traffic, '' for none."""
    if not _by_link(places):
        return str(system.read_json(places.serving).get("live", ""))
    try:
        return places.live.readlink().name.removesuffix(".sock")
    except OSError:
        return ""


def _by_link(places: Places) -> bool:
    """Whether Nginx follows the link now, and not a port."""
    return not places.upstream.exists() or places.upstream.read_text() == places.server_line


def point(places: Places, instance: str) -> None:
    """One rename; in the plain form Nginx's upstream file and a reload."""
    port = system.read_json(places.instances / f"{instance}.json").get("port", 0) if instance else 0
    places.run.mkdir(exist_ok=True)
    if not port:
        inside.switch(str(places.live), f"{instance}.sock" if instance else "")
    wanted = f"server 127.0.0.1:{port} fail_timeout=0;\n" if port else places.server_line
    kept = places.upstream.read_text() if places.upstream.exists() else wanted
    if kept == wanted:
        return
    system.write(places.upstream, wanted)
    begun = time.time()
    if not nginx_service.reload():
        system.write(places.upstream, kept)
        raise AgentError(f"Nginx did not take the new upstream over, the old one is back{error_log.why(begun)}")


def standby_of(places: Places, stack: str) -> str:
    """The instance of the stack that is kept running although it does not serve, '' for none."""
    return str(stacks.records(places).get(stack, {}).get("standby") or "")


def settle(places: Places, instance: str, standby: str | None = None) -> None:
    """Everything else that names the live instance: links, what comes back at boot, the record of the rollback point.

    ``standby`` is kept running beside it; None for the one that it is already.
    """
    known = system.read_json(places.instances / f"{instance}.json")
    if instance and known:
        system.link(places.current, f"releases/{known['release']}")
        system.link(places.live_env, f"env/{known['env_id']}.env")
        releases.note_served(places, str(known["release"]), stacks.of(places, instance))
    _note(places, instance, standby)
    rules = f"d {places.run} 0755 root root -\n"
    if instance:
        rules += f"L+ {places.live} - - - - {instance}.sock\n"
    system.write(places.tmpfiles, rules)
    kept = stacks.in_role(places, "live", "standby")
    for one in system.units_of(places):
        instances.enable(places, one, on=one in kept)


def _note(places: Places, instance: str, standby: str | None) -> None:
    """The record: who has the traffic since when; and of each stack who serves for it, served before, and stands by."""
    record, all_stacks = system.read_json(places.serving), stacks.records(places)
    told: dict[str, Any] = {"live": instance, "since": record.get("since"), "stacks": all_stacks}
    if instance:
        stack = stacks.of(places, instance)
        before = all_stacks.get(stack, {})
        previous = before.get("live") if before.get("live") != instance else before.get("previous")
        kept = before.get("standby", "") if standby is None else standby
        mine = {"live": instance, "previous": previous or "", "standby": "" if kept == instance else kept}
        told |= mine
        told["stacks"] = {**all_stacks, stack: mine}
    if record.get("live") != instance:
        told["since"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    system.write(places.serving, json.dumps(told))


def proof(request: TrafficRequest) -> str:
    """Why the instance does not answer 200 through Nginx; '' when it does."""
    address = "127.0.0.1" if request.address in ("0.0.0.0", "::") else request.address
    through = f"{address}:{request.port}"
    code, detail = inside.prove(request.host, request.path, PROBE_SECONDS, through, request.instance)
    if code == 200:
        return ""
    return f"GET {request.path} with Host {request.host} got {code or 'no answer'}{': ' + detail if detail else ''}"
