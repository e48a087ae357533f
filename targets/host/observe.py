"""What serves on the hosts, asked over HTTP as the health check asks: no login, and a switch that was made by hand is found."""

import http.client
import json
import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timezone

from targets.host.client.connection import Connection
from targets.observation import NOTES, Finding, Observation
from targets.serving import Serving

SECONDS = 3.0


@dataclass(frozen=True)
class HostObservation(Observation):
    """What each host answered."""

    instances: dict[str, str] = field(default_factory=dict)
    """Host -> the instance that answered, '' for none; hosts that cannot be asked from here are left out."""
    killed: str = ""
    """That an earlier update was killed, and when: it may have left instances behind that nobody can see from outside."""

    noted: str = ""
    """When ``make status`` found the drift."""

    def instance_fault(self, instance: str) -> str:
        """On which hosts something else, or nothing, answers, or what was found there; '' when all is well or nobody knows."""
        return self._what(instance) or self.drift_fault("instance")

    def traffic_fault(self, instance: str) -> str:
        """As for the instance; and after a killed update what that left is swept away."""
        killed = f"an earlier update was killed ({self.killed})" if self.killed else ""
        return self._what(instance) or killed or self.drift_fault("instance") or self.drift_fault("traffic")

    def drift_fault(self, part: str) -> str:
        """As noted by ``make status``; where nothing answers, Nginx may not run."""
        silent = sorted(host for host, found in self.instances.items() if not found)
        if part == "proxy" and silent:
            return self._fault(f"nothing answers on {', '.join(silent)}")
        found = [one.what for one in self.drift if one.part == part]
        return f"{'; '.join(found)} (seen {self.noted})" if found else ""

    def refresh_due(self, wanted: object) -> bool:
        """Never: nothing on a host is a resource of a provider."""
        return False

    def _what(self, instance: str) -> str:
        others = sorted(f"{host}: {found or 'nothing'}" for host, found in self.instances.items() if found != instance)
        return self._fault(f"serving on {', '.join(others)}") if others else ""


def observe(hosts: Sequence[Connection], port: int, host: str, path: str, app: str = "") -> HostObservation:
    """Ask all hosts at the same time; takes ``SECONDS`` at most."""
    if not hosts:
        return HostObservation()
    with ThreadPoolExecutor(max_workers=min(len(hosts), 32)) as pool:
        answers = list(pool.map(lambda one: ask("127.0.0.1" if one.local else one.address, port, host, path), hosts))
    serving = next((answer.serving for answer in answers if answer and answer.serving), None)
    noted_at, noted = _noted(app, {one.name for one in hosts})
    return HostObservation(
        at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        drift=noted,
        noted=noted_at,
        serving=serving,
        live=serving.instance if serving else "",
        instances={one.name: answer.instance for one, answer in zip(hosts, answers, strict=True) if answer},
        stacks={answer.instance: answer.stack for answer in answers if answer and answer.stack},
        killed=os.environ.get("GATEWAY_KILLED", ""),
    )


def _noted(app: str, hosts: Collection[str]) -> tuple[str, tuple[Finding, ...]]:
    """When ``make status`` looked into these hosts, and what it found."""
    try:
        told = json.loads((NOTES / f"{app}.json").read_text())
        found = tuple(Finding(part, f"{host}: {what}") for host, part, what in told["found"] if host in hosts)
    except (OSError, ValueError, KeyError, TypeError):
        return "", ()
    return str(told.get("at", "")) if found else "", found


@dataclass(frozen=True)
class Answer:
    """What a host said of itself."""

    instance: str
    serving: Serving | None
    stack: str = ""


def ask(address: str, port: int, host: str, path: str) -> Answer | None:
    """None where nobody can tell from here: the port does not answer in time, as behind a firewall."""
    connection = http.client.HTTPConnection(address, port, timeout=SECONDS)
    try:
        connection.request("GET", path, headers={"Host": host, "X-Gateway-Probe": "1", "User-Agent": "gateway-probe"})
        answer = connection.getresponse()
        answer.read()
        instance, told = answer.getheader("X-Gateway-Instance", ""), answer.getheader("X-Gateway-Serving", "").split()
        stack = answer.getheader("X-Gateway-Stack", "")
    except (ConnectionRefusedError, ConnectionResetError, http.client.HTTPException):
        return Answer("", None)  # there is a host, and no site on it
    except OSError:
        return None
    finally:
        connection.close()
    if len(told) != 3 or not instance:
        return Answer(instance, None)
    return Answer(instance, Serving(interface=told[0], server=told[1], release=told[2], instance=instance), stack)
