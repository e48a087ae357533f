"""The host's Nginx itself: whether it takes its files, which it is, started and reloaded. Others' sites are in it too."""

import re
import time
from pathlib import Path

from targets.common.errors import AgentError
from targets.host.agent import error_log, system

RELOAD_SECONDS = 10


def expect_sound() -> None:
    """Raises where Nginx would not take its present files: with a broken site of somebody else nothing could be moved."""
    words = refusal()
    if words:
        raise AgentError(
            f"Nginx on this host refuses its present configuration, which is not gateway's fault ({words}); nothing was touched, "
            "Nginx runs as it was; way out: mend that file (nginx -t), then run the update again"
        )


def refusal() -> str:
    """Why Nginx would not take its present files; '' when it would."""
    done = system.run("nginx", "-t", "-q")
    lines = done.stderr.splitlines()
    if done.returncode == 0:
        return ""
    return next((line.partition("[emerg] ")[2] for line in lines if "[emerg]" in line), system.last_line(done.stderr))


def conflict() -> str:
    """A name that two sites have: Nginx takes it with a warning, and one of them gets no request."""
    found = re.search(r'conflicting server name "([^"]+)" on (\S+), ignored', system.run("nginx", "-t").stderr)
    return f"{found[1]} on {found[2]}" if found else ""


def version() -> str:
    """What it says of itself: its version and how it was built."""
    return system.run("nginx", "-V").stderr


def expect_running() -> None:
    """Nginx started, now and at boot, where somebody has stopped it."""
    if system.systemctl("is-enabled", "--quiet", "nginx").returncode:
        system.systemctl("enable", "nginx")
    begun = time.time()
    if system.systemctl("start", "nginx").returncode:
        raise AgentError(f"Nginx does not start{error_log.why(begun)}")


def reload() -> bool:
    """Reload and wait for new workers: the command itself returns before they serve."""
    before = _workers()
    if system.systemctl("is-active", "--quiet", "nginx").returncode:
        return system.systemctl("start", "nginx").returncode == 0
    done = system.systemctl("reload", "nginx")
    return done.returncode == 0 and system.until(lambda: bool(_workers() - before), RELOAD_SECONDS)


def _workers() -> set[str]:
    main = system.systemctl("show", "nginx", "--property=MainPID", "--value").stdout.strip()
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            stat, line = (process / "stat").read_text(), (process / "cmdline").read_text()
        except OSError:
            continue
        if stat.rpartition(")")[2].split()[1] == main and "worker process" in line and "shutting down" not in line:
            found.add(process.name)
    return found
