"""The site's figures on this host: as text, in a file for node_exporter, and the timer that writes it."""

import socket
from pathlib import Path

from targets.common import metrics
from targets.host.agent import system, traffic
from targets.host.agent.places import UNITS, Places
from targets.host.agent.requests import LookRequest, PrepareRequest
from targets.host.agent.sight import Sight

WANTS = UNITS / "timers.target.wants"


def text(places: Places) -> str:
    """Figures of now. What should serve is what this host was switched to last."""
    live = str(system.read_json(places.serving).get("live", "")) or traffic.live(places)
    stack = places.owner.read_text().strip() if places.owner.exists() else ""
    facts = Sight(LookRequest(app=places.app, owner=stack, instance=live, proxy="")).look()
    labels = {"app": places.app, "stack": stack.rpartition("/")[2], "host": socket.gethostname()}
    return metrics.text([("gateway_ok", labels, not facts["drift"]), *metrics.of_host(facts, labels)])


def write(places: Places, out: Path) -> None:
    """Into a file, by one rename."""
    system.write(out, text(places))


def set_timer(request: PrepareRequest) -> None:
    """The timer as the stack asks for it: there and running, or gone with its file."""
    if not request.metrics_timer:
        remove_timer(request.app)
        return
    name = f"gateway-metrics-{request.app}"
    Path(request.metrics_folder).mkdir(parents=True, exist_ok=True)
    changed = system.write(UNITS / f"{name}.service", request.metrics_service)
    changed |= system.write(UNITS / f"{name}.timer", request.metrics_timer)
    if changed:
        system.must("systemctl", "daemon-reload")
    system.must("systemctl", "enable", "--now", f"{name}.timer")


def remove_timer(app: str) -> None:
    """No timer, no units, no file."""
    name = f"gateway-metrics-{app}"
    units = [UNITS / f"{name}.service", UNITS / f"{name}.timer"]
    if not any(unit.exists() for unit in units):
        return
    files = [Path(word) for word in units[0].read_text().split() if word.endswith(".prom")] if units[0].exists() else []
    system.systemctl("disable", "--now", f"{name}.timer")
    for path in (*units, *files, WANTS / f"{name}.timer"):
        path.unlink(missing_ok=True)
    system.systemctl("daemon-reload")
