"""The host in the few words that the agent needs: commands, files with owner and mode, locks, systemd."""

import contextlib
import errno
import fcntl
import grp
import json
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from targets.common.errors import AgentError
from targets.host.agent import places
from targets.host.agent.places import Places

Done = subprocess.CompletedProcess[str]


def run(*command: str, env: dict[str, str] | None = None, timeout: float = 600) -> Done:
    """A command with its output; one that is not there has status 127."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, **(env or {})},
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: not found")
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"{command[0]} had not ended after {timeout:g} seconds")


def must(*command: str, env: dict[str, str] | None = None, timeout: float = 600) -> str:
    """A command that has to succeed; its last words are the error."""
    done = run(*command, env=env, timeout=timeout)
    if done.returncode:
        raise AgentError(f"'{' '.join(command[:3])}' failed: {last_line(done.stderr or done.stdout)}")
    return done.stdout


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason"


def systemctl(*args: str) -> Done:
    return run("systemctl", *args)


def write(path: Path, text: str, mode: int = 0o644, group: str = "root") -> bool:
    """A file of root's, whole before it has its name. Returns whether it is other than before."""
    content = text.encode()
    if path.is_file() and path.read_bytes() == content and path.stat().st_mode & 0o777 == mode:
        return False
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchown(descriptor, 0, grp.getgrnam(group).gr_gid)
            os.fchmod(descriptor, mode)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return True


def link(path: Path, target: str) -> None:
    """A symbolic link, replaced by one rename."""
    if path.is_symlink() and os.readlink(path) == target:
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(path)


def folder(path: Path, mode: int = 0o755, user: str = "root", group: str = "root") -> None:
    """A folder with that owner and mode; what is in it stays."""
    path.mkdir(parents=True, exist_ok=True)
    wanted = (pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid)
    found = path.stat()
    if (found.st_uid, found.st_gid) != wanted:
        os.chown(path, *wanted)
    if found.st_mode & 0o7777 != mode:
        path.chmod(mode)


def read_json(path: Path) -> dict[str, Any]:
    """Content of a JSON file, empty where there is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found


@contextlib.contextmanager
def lock(*parts: str) -> Iterator[None]:
    """One agent at a time for a thing: one whose ``pulumi up`` was killed may still be at work, and the next waits for it."""
    path = Path(places.LOCKS, f"gateway-{'-'.join(parts)}.lock")
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def room(path: Path) -> Iterator[None]:
    """A full disk is told as one, whoever found it."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise AgentError(no_space(path)) from None


def no_space(path: Path) -> str:
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free // 2**20
    return (
        f"no space left below {path} ({free} MiB free); way out: free disk space or lower keepReleases, then run the update again"
    )


def until(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while True:
        if condition():
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(pause)


def units_of(site: Places) -> set[str]:
    """Instances that have a .service on this host."""
    prefix = f"{site.app}-"
    names = (path.name.removeprefix(prefix).removesuffix(".service") for path in places.UNITS.glob(f"{prefix}*.service"))
    return {name for name in names if is_id(name)}


def process_of(site: Places, instance: str) -> tuple[int, int]:
    """The instance's main process, and how often systemd has started it again."""
    shown = systemctl("show", f"{site.unit(instance)}.service", "--property=MainPID,NRestarts").stdout
    told = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    return int(told.get("MainPID") or 0), int(told.get("NRestarts") or 0)


def is_id(name: str) -> bool:
    return len(name) == 10 and all(c in "0123456789abcdef" for c in name)
