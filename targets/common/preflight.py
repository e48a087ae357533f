"""One look before an update: what was checked, where, how it stands, and the way out. Standard library only."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "failed"]
Kind = Literal["config", "missing"]


@dataclass(frozen=True)
class Result:
    """One line of the table."""

    place: str
    """``here``, ``docker``, a host."""
    what: str
    status: Status
    told: str
    way_out: str = ""
    kind: Kind = "missing"
    """Of a failure: whether the config is wrong (status 2), or something is missing (status 3)."""


def ok(place: str, what: str, told: str) -> Result:
    """All is well."""
    return Result(place, what, "ok", told)


def warning(place: str, what: str, told: str, way_out: str) -> Result:
    """An update may go well all the same."""
    return Result(place, what, "warning", told, way_out)


def failed(place: str, what: str, told: str, way_out: str, kind: Kind = "missing") -> Result:
    """An update would fail."""
    return Result(place, what, "failed", told, way_out, kind)


NEEDED_MIB = {"disk": 500, "low": 1500}
"""Free disk space below which an update fails, and below which a warning comes."""
WORKER_MIB = 80
"""What a process of a Django project usually takes, where nobody has measured."""
CLOCK_SECONDS = 5.0
"""A difference that is told."""


def disk(place: str, path: str, free_mib: int) -> Result:
    """Whether there is room for a release."""
    told, mend = f"{free_mib} MiB free below {path}", "free disk space: df -h, docker system df; lower keepReleases"
    if free_mib < NEEDED_MIB["disk"]:
        return failed(place, "disk", told, mend)
    return warning(place, "disk", told, mend) if free_mib < NEEDED_MIB["low"] else ok(place, "disk", told)


def memory(place: str, available_mib: int, running_mib: int, workers: int) -> Result:
    """Whether a second instance fits beside the first. ``running_mib`` is what the first one takes, 0 where nobody knows."""
    need = running_mib or workers * WORKER_MIB
    how = "as the one that runs" if running_mib else f"{workers} processes, estimated"
    told = f"{available_mib} MiB available; a second instance takes about {need} MiB ({how})"
    if available_mib < need:
        return warning(place, "memory", told, "fewer workers, or more memory: during a switch two instances run side by side")
    return ok(place, "memory", told)


def clock(place: str, difference: float) -> Result:
    """``difference`` in seconds: positive where the place is ahead."""
    told = f"{abs(difference):.0f} s {'ahead of' if difference > 0 else 'behind'} this machine"
    if abs(difference) < CLOCK_SECONDS:
        return ok(place, "clock", "as this machine's")
    return warning(place, "clock", told, "start a time service there: timedatectl set-ntp true")


def deploy_check(place: str, output: str) -> Result:
    """What ``check --deploy`` says of the release that serves, with the env that it serves with; '' where none does.

    Errors stop an update, so they stop here. What it warns of may be as somebody wants it.
    """
    what = "check --deploy"
    if not output:
        return ok(place, what, "run by the update in the new code, before anything is switched")
    errors = output.partition("ERRORS:")[2].partition("WARNINGS:")[0]
    if errors or "System check identified" not in output:
        line = next((line.strip() for line in reversed((errors or output).splitlines()) if line.strip()), "it said nothing")
        return failed(
            place, what, f"the release that serves: {line}", "mend the settings; an update with the same ones would fail"
        )
    codes = sorted(set(re.findall(r"\((\w+\.W\d+)\)", output)))
    told = f"it warns of {', '.join(codes)}" if codes else "it has nothing to say"
    return ok(place, what, f"the release that serves: {told}; the update asks the new one")


def at_least(place: str, what: str, found: str, needed: str, way_out: str) -> Result:
    """Versions as ``1.22.1``; an empty one is unknown."""
    if found and numbers(found) < numbers(needed):
        return failed(place, what, f"{found}, and {needed} is needed", way_out)
    return ok(place, what, found or "not there yet: the update installs it")


def numbers(version: str) -> tuple[int, ...]:
    """``1.22.1-2`` -> (1, 22, 1)."""
    found = []
    for part in version.replace("-", ".").split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)


def worst(results: Iterable[Result]) -> int:
    """Exit status: 2 where the config is wrong, 3 where something is missing, 0 else."""
    kinds = {one.kind for one in results if one.status == "failed"}
    return 2 if "config" in kinds else 3 if kinds else 0
