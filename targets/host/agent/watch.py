"""After the switch: does the site live on this host? What Nginx answers and whether the new instance restarts, for a while."""

import time

from targets.common.access_log import Log
from targets.common.answers import STEP_SECONDS, Seen
from targets.host.agent import system, traffic
from targets.host.agent.places import Places
from targets.host.agent.requests import WatchRequest


def watch(request: WatchRequest) -> dict[str, object]:
    """Watch for that time, from what was marked before the switch on; ``wrong`` is what was seen, '' for nothing.

    Ends as soon as something is wrong, or somebody else has the traffic: another host did not do well, and this one went back.
    """
    places, seen, begun = Places(request.app), Seen(), time.monotonic()
    log = Log(places.access_log, request.mark)
    while (left := begun + request.watch_seconds - time.monotonic()) > 0:
        time.sleep(min(STEP_SECONDS, left))
        after = f"{time.monotonic() - begun:.0f} s"
        if traffic.live(places) != request.instance:
            break
        if not _same_process(places, request):
            return {"wrong": f"its process ended and was started again {after} after the switch"}
        seen.add(log.more())
        if wrong := seen.verdict(request.watch_errors):
            return {"wrong": f"{wrong} in the first {after}"}
    return {"wrong": ""}


def _same_process(places: Places, request: WatchRequest) -> bool:
    return system.process_of(places, request.instance) == (request.mark["pid"], request.mark["restarts"])
