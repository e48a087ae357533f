"""What is wrong with a site, in words, and what mends it: pure, from the facts that ``status`` has gathered."""

from collections.abc import Iterator
from typing import Any

from settings import Settings
from targets.common.answers import FEWEST

LEAST_FREE = 0.05
"""Of a disk; below it the next release may not fit."""
CERTIFICATE_DAYS = 14
MENDED = "make up"
BY_HAND = {
    "files": "another release takes its place: make up with a changed source, or remove the container and make up",
}

Wrong = dict[str, str]


def wrong(told: dict[str, Any], settings: Settings, *, updating: bool) -> list[Wrong]:
    """Each with host, what, and fix. While an update is at work, what it moves is no drift."""
    found = list(_stack(told, updating))
    for host in told["hosts"]:
        if not host["reachable"]:
            found.append(_one(host, host["error"], "make the host or the engine reachable"))
            continue
        found += _drift(host, told, updating)
        found += _health(host, settings)
    return found


def _one(host: dict[str, Any] | None, what: str, fix: str) -> Wrong:
    return {"host": host["name"] if host else "", "what": what, "fix": fix}


def _stack(told: dict[str, Any], updating: bool) -> Iterator[Wrong]:
    if told["serving"] is None:
        yield _one(None, "nothing serves: the stack has had no update that did", MENDED)
    if told["lock"] and not updating:
        yield _one(None, told["lock"], f"{MENDED} finishes it")


def _drift(host: dict[str, Any], told: dict[str, Any], updating: bool) -> Iterator[Wrong]:
    if updating:
        return
    for one in host["drift"]:
        yield _one(host, one["what"], BY_HAND.get(one["part"], MENDS.get(one["part"], MENDED)))
    if not told["serving"] or any(one["part"] in ("instance", "traffic") for one in host["drift"]):
        return
    if host["live"] != told["serving"]["instance"] and not any(one["instance"] == host["live"] for one in host["instances"]):
        yield _one(host, f"traffic is on {host['live'] or 'nothing'}, not on {told['serving']['instance']}", MENDED)


MENDS = {
    "env": f"{MENDED} writes it again",
    "static": f"{MENDED} collects them again",
    "proxy": f"{MENDED} puts Nginx right: tested, then reloaded",
    "instance": f"{MENDED} starts it as it was made",
    "traffic": f"{MENDED} puts it right",
    "kept": f"{MENDED} makes or starts it again",
}


def _health(host: dict[str, Any], settings: Settings) -> Iterator[Wrong]:
    """What goes wrong although all is as it was made."""
    nginx, seen = host["nginx"]["state"], host["requests"]
    if nginx not in ("running", "active") and not any(one["part"] in ("proxy", "kept") for one in host["drift"]):
        yield _one(host, f"Nginx does not run: it is {nginx}", MENDED)
    errors = seen["errors"]
    if errors >= FEWEST and seen["error_percent"] > settings.watch_errors and not settings.maintenance:
        gateway = f", {seen['bad_gateway']} of them 502 and {seen['gateway_timeout']} 504"
        minutes = f"{seen['window_seconds'] / 60:.0f} minutes"
        what = f"{errors} of {seen['count']} answers in {minutes} were 5xx{gateway}"
        yield _one(host, what, "python -m ops diagnose, or make rollback")
    for disk in host["disk"]:
        if disk["total_bytes"] and disk["free_bytes"] < LEAST_FREE * disk["total_bytes"]:
            free = disk["free_bytes"] // 2**20
            yield _one(host, f"{free} MiB are left on the disk of {disk['path']}", "free disk space, or lower keepReleases")
    days = host.get("certificate_days")
    if days is not None and days < CERTIFICATE_DAYS:
        yield _one(host, f"the certificate ends in {days} days", "renew it")
