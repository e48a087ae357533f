"""Who has a port, and why systemd could not open the socket of an instance."""

import re

from targets.common.diagnosis import recognise
from targets.host.agent import system


def holder(port: int) -> str:
    """``python3 (pid 77) listens on port 8000``; '' where nobody does, or nobody can tell."""
    found = re.search(r'users:\(\("([^"]+)",pid=(\d+)', system.run("ss", "-Hltnp", f"sport = :{port}").stdout)
    return f"{found[1]} (pid {found[2]}) listens on port {port}" if found else ""


def refused(unit: str, port: int, since: float) -> tuple[str, str]:
    """Why the unit's socket is not open, and all that systemd said of it."""
    asked = ("--quiet", "--no-pager", "--output=cat", f"--since=@{since:.6f}", f"--unit={unit}.socket")
    said = system.run("journalctl", *asked).stdout
    lines = [line.removeprefix(f"{unit}.socket: ") for line in said.splitlines()]
    found = next((one for line in lines if (one := recognise(line))), None)
    if not found:
        return (lines[-1] if lines else "systemd gave no reason"), said
    who = holder(port) if port else ""
    return f"{found.sentence} ({found.evidence}{'; ' if who else ''}{who})", said
