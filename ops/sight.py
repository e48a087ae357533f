"""A stack as it does: what the state says, what is there, and what is wrong."""

import contextlib
import json
import re
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ops import certificates, judgement, updates
from ops.engines import Engine
from ops.errors import BadConfig, Missing
from ops.file_backend import lock_of
from ops.updates import Update
from settings import ConfigErrors, Settings, load
from targets import choose
from targets.observation import Finding
from targets.served import Served
from targets.sight import Sight

WINDOW_SECONDS = 300.0
CERTIFICATE_SECONDS = 300.0
"""How often a watch asks for certificates."""
TOLD = {"interface", "server", "release", "instance", "at", "by"}


@dataclass(kw_only=True)
class Watch:
    """A stack and the eyes on it."""

    stack: Engine
    settings: Settings
    found: tuple[Update, ...]
    """Its updates, newest first."""
    served: tuple[Served, ...]
    eyes: Sight = field(repr=False)
    every: float = 0
    _days: dict[str, int] = field(default_factory=dict, repr=False)
    _asked: float = field(default=-CERTIFICATE_SECONDS, repr=False)

    def again(self) -> "Watch":
        """The same, by today's config and state."""
        self.eyes.close()
        return open_watch(self.stack, every=self.every)

    def look(self) -> dict[str, Any]:
        """Everything that ``status`` tells, as it is printed in JSON."""
        hosts = self.eyes.look()
        lock = lock_of(self.stack.workspace.state, self.stack.name)
        serving = self.served[0] if self.served else None
        told: dict[str, Any] = {
            "stack": self.stack.name,
            "app": self.settings.app.name,
            "url": self.settings.origins[0] + "/",
            "at": round(time.time(), 3),
            "serving": serving.model_dump(include=TOLD) if serving else None,
            "update": self._update(serving),
            "lock": lock.told if lock else None,
            "maintenance": self.settings.maintenance,
            "hosts": [
                {"name": name, **_host(facts), "certificate_days": self._certificate(name)} for name, facts in hosts.items()
            ],
        }
        told["wrong"] = judgement.wrong(told, self.settings, updating=bool(lock and lock.alive))
        told["ok"] = not told["wrong"]
        return told

    def _certificate(self, host: str) -> int | None:
        """Days that the certificate of a host has left, None where it serves none; asked for now and then."""
        if time.monotonic() - self._asked > CERTIFICATE_SECONDS:
            self._days, self._asked = certificate_days(self.settings), time.monotonic()
        return self._days.get(host)

    def _update(self, serving: Served | None) -> dict[str, Any] | None:
        """The update that made what serves, and how the last one ended."""
        made = [one for one in self.found if one.moved and one.serving == serving]
        last = next((one for one in self.found if one.kind == "update"), None)
        if last is None:
            return None
        one = made[-1] if made else last
        good = next((each for each in self.found if each.kind == "update" and each.result == "succeeded"), None)
        return {
            "number": one.number,
            "at": one.begun.isoformat(),
            "by": one.by,
            "message": re.sub(r" \(by [^()]*\)$", "", one.message),
            "last": last.number,
            "last_result": last.result,
            "last_good": good.begun.isoformat() if good else None,
        }


def certificate_days(settings: Settings) -> dict[str, int]:
    """Host -> days that the certificate which it serves has left; negative once it ran out."""
    if settings.tls.mode == "off":
        return {}
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.listen_address, settings.listen_address)
    places = {one.name: "127.0.0.1" if one.local else one.address for one in choose.connections(settings)} or {"docker": here}
    found = {}
    for name, address in places.items():
        with contextlib.suppress(OSError, ValueError):
            end = certificates.served(address, settings.tls_port, settings.domains[0]).not_valid_after_utc
            found[name] = (end - datetime.now(timezone.utc)).days
    return found


def _host(facts: dict[str, Any] | str) -> dict[str, Any]:
    return {"reachable": False, "error": facts} if isinstance(facts, str) else {"reachable": True, **facts}


def open_watch(stack: Engine, *, every: float = 0) -> Watch:
    """The stack's config and state are read once. Raises ``Stop``."""
    config, encrypted = stack.config()
    try:
        settings = load(config, stack.name, encrypted)
    except ConfigErrors as error:
        raise BadConfig(str(error)) from None
    found, served = updates.read(stack)
    eyes = choose.sight(settings, served[0] if served else None, f"gateway/{stack.name}", WINDOW_SECONDS, every)
    return Watch(stack=stack, settings=settings, found=found, served=served, eyes=eyes, every=every)


def expect_reachable(told: dict[str, Any]) -> None:
    """Raises ``Missing`` where nothing at all could be looked at."""
    lost = [f"{host['name']}: {host['error']}" for host in told["hosts"] if not host["reachable"]]
    if lost and len(lost) == len(told["hosts"]):
        raise Missing("\n".join(lost))


def findings(told: dict[str, Any]) -> list[tuple[str, Finding]]:
    """What the next update has to mend, with the host that it is on."""
    return [(host["name"], Finding(**one)) for host in told["hosts"] for one in host.get("drift", ())]


def as_json(told: dict[str, Any]) -> str:
    """For programs."""
    return json.dumps(told, indent=2)


def as_line(told: dict[str, Any]) -> str:
    """For programs that follow."""
    return json.dumps(told)
