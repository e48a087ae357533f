"""The switch on this host: ``live.sock`` is renamed onto the instance's socket, proved through Nginx, renamed back on failure."""

import json
import time

from targets.common import inside
from targets.common.errors import AgentError
from targets.host.agent import instances, nginx, system
from targets.host.agent.places import Places
from targets.host.agent.requests import TrafficRequest

PROBE_SECONDS = 15
"""More than Nginx keeps connections to the old instance."""


def ready(request: TrafficRequest) -> str:
    """Whether the instance could take traffic here now: asked of all hosts before any is switched."""
    places = Places(request.app)
    if request.instance not in system.units_of(places) or not places.socket(request.instance).exists():
        raise AgentError(f"instance {request.instance} is gone; way out: run the update again")
    return "ready"


def switch(request: TrafficRequest) -> str:
    """Move traffic, and prove it; returns what was live before, as JSON. On failure all is as it was."""
    places = Places(request.app)
    with system.lock(request.app, "traffic"):
        ready(request)
        before = live(places)
        point(places, request.instance)
        failure = proof(request)
        if failure:
            if before != request.instance:
                point(places, before)
            back = f"traffic is back on {before}" if before else "nothing served before"
            raise AgentError(f"the site did not answer through the proxy after the switch ({failure}); {back}")
        settle(places, request.instance)
        _sweep(places, {request.instance, before})
    return json.dumps({"before": before})


def back(request: TrafficRequest) -> str:
    """Put the instance that was live before back, after another host failed; '' for none."""
    places = Places(request.app)
    with system.lock(request.app, "traffic"):
        point(places, request.instance)
        settle(places, request.instance)
    return "back"


def off(request: TrafficRequest) -> str:
    """The site is taken down: the link goes, so that nothing seems to serve."""
    places = Places(request.app)
    with system.lock(request.app, "traffic"):
        if live(places) == request.instance:
            point(places, "")
    return "off"


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
    if not nginx.reload():
        system.write(places.upstream, kept)
        raise AgentError("Nginx did not take the new upstream over, the old one is back; way out: nginx -t, journalctl -u nginx")


def settle(places: Places, instance: str) -> None:
    """Everything else that names the live instance: links, what comes back at boot, the record of the rollback point."""
    known = system.read_json(places.instances / f"{instance}.json")
    record = system.read_json(places.serving)
    if instance and known:
        system.link(places.current, f"releases/{known['release']}")
        system.link(places.live_env, f"env/{known['env_id']}.env")
    previous = record.get("live") if record.get("live") != instance else record.get("previous")
    told = {"live": instance, "previous": previous or "", "since": record.get("since")}
    if record.get("live") != instance:
        told["since"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    system.write(places.serving, json.dumps(told))
    rules = f"d {places.run} 0755 root root -\n"
    if instance:
        rules += f"L+ {places.live} - - - - {instance}.sock\n"
    system.write(places.tmpfiles, rules)
    for one in system.units_of(places):
        instances.enable(places, one, on=one == instance)


def proof(request: TrafficRequest) -> str:
    """Why the instance does not answer 200 through Nginx; '' when it does."""
    address = "127.0.0.1" if request.address in ("0.0.0.0", "::") else request.address
    through = f"{address}:{request.port}"
    code, detail = inside.prove(request.host, request.path, PROBE_SECONDS, through, request.instance)
    if code == 200:
        return ""
    return f"GET {request.path} with Host {request.host} got {code or 'no answer'}{': ' + detail if detail else ''}"


def _sweep(places: Places, keep: set[str]) -> None:
    """Remove instances that are neither serving nor just replaced (that one drains on its own): what a killed update left."""
    for instance in system.units_of(places) - keep:
        instances.remove(places, instance)
