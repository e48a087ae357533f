"""Drain an instance and stop it, or let it stand by."""

import contextlib
import json
from pathlib import Path

from targets.common import inside
from targets.host.agent import instances, stacks, system, traffic
from targets.host.agent.places import Places
from targets.host.agent.requests import InstanceRequest, TrafficRequest, parse


def stop(request: InstanceRequest) -> str:
    """Drain, then stop and remove this instance, and no other: it may run after a newer one has been started.

    The standby is drained too, and goes on running.
    """
    places = Places(request.app)
    with system.lock(request.app, request.instance):
        if request.instance not in system.units_of(places):
            return "gone"
        if instances.live(places) == request.instance:  # the stack goes away from this host: no new request may begin
            _leave(places, request)
        park = request.instance in stacks.in_role(places, "standby")
        if instances.running(places, request.instance):
            _drain(places, request, park=park)
            if park:
                return "standby"
        instances.remove(places, request.instance)
    return "stopped"


def _leave(places: Places, request: InstanceRequest) -> None:
    """Traffic goes to another stack of the site, or nowhere."""
    to = stacks.elsewhere(places, request.stack or request.owner)
    if to:
        traffic.point(places, to)
        traffic.settle(places, to)
    else:
        inside.switch(str(places.live), "")
        places.serving.unlink(missing_ok=True)


def retire(request: TrafficRequest) -> str:
    """Stop an instance that the stack does not know, such as one that was started by hand, as its record says.

    Another stack's is left alone.
    """
    places, instance = Places(request.app), request.instance
    if stacks.of(places, instance) not in ("", request.mine):
        return "other"
    known = system.read_json(places.instances / f"{instance}.json")
    if not known:
        instances.remove(places, instance)
        return "removed"
    return stop(parse(InstanceRequest, json.dumps({name: value for name, value in known.items() if name != "files"})))


def _drain(places: Places, request: InstanceRequest, *, park: bool) -> None:
    """Wait until Nginx has no connection to the instance any more, at most ``drain_seconds``; then ask what is left to end.

    Only streams are left by then. That the socket's file has gone tells ``gateway_entry.py`` to close them properly. ``park``: it
    has its name again afterwards, since the instance stays and can be gone back to.
    """
    least = 2 * request.upstream_seconds + 1
    socket = places.socket(request.instance)
    if system.until(lambda: not connections(places, request), max(request.drain_seconds, least), 0.25) and park:
        return
    aside = places.parked(request.instance)
    with contextlib.suppress(FileNotFoundError):
        socket.replace(aside)
    try:
        system.until(lambda: not connections(places, request), request.stop_seconds, 0.25)
    finally:
        if not park:
            aside.unlink(missing_ok=True)
        elif aside.exists():
            aside.replace(socket)


def connections(places: Places, request: InstanceRequest) -> int:
    """Connections to the instance: requests, streams, WebSockets and idle ones."""
    if request.port:
        shown = system.run("ss", "-Htn", "state", "established", f"( sport = :{request.port} )").stdout
        return len(shown.splitlines())
    path, listening = str(places.socket(request.instance)), 0x10000
    table = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()[1:]]
    return sum(len(row) == 8 and row[7] == path and not int(row[3], 16) & listening for row in table)
