"""After the switch: does the site live? What Nginx answers and whether the new instance restarts, for a while."""

import time

from docker.models.containers import Container

from targets.common.answers import STEP_SECONDS, Seen
from targets.docker.agent import engine
from targets.docker.follow import read


def watch(proxy: Container, instance: Container, *, seconds: int, percent: int) -> str:
    """Watch for that time; returns as soon as something is wrong with what was seen, else ''."""
    begun = time.time()
    first = engine.inspect_state(instance)["Pid"]
    while (left := begun + seconds - time.time()) > 0:
        time.sleep(min(STEP_SECONDS, left))
        state = engine.inspect_state(instance)
        if not state["Running"] or state["Pid"] != first:
            return f"its process ended and was started again {time.time() - begun:.0f} s after the switch"
        seen = Seen()
        seen.add(read(proxy, begun))
        if wrong := seen.verdict(percent):
            return f"{wrong} in the first {time.time() - begun:.0f} s"
    return ""
