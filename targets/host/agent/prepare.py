"""A bare Debian or Ubuntu becomes a host for the site: packages of the distribution, a user, folders. Twice is as once."""

import grp
import pwd
import shutil
import sys
from pathlib import Path

from targets.common.errors import AgentError
from targets.host.agent import instances, monitoring, system
from targets.host.agent.places import NGINX_GROUP, SITES, Places
from targets.host.agent.requests import EnvRequest, PrepareRequest, Request

NEEDED = {"nginx": "nginx", "ensurepip": "python3-venv", "logrotate": "logrotate"}
"""What must be there, and the package that has it."""


def prepare(request: PrepareRequest) -> str:
    """Packages, the site's user, its folders with their owners and modes."""
    places = Places(request.app)
    with system.lock("host"):
        _packages()
        claim(request, places)
        _user(request.user)
        _folders(request.user, places)
        monitoring.set_timer(request)
    return "ready"


def _missing() -> list[str]:
    path = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
    has_venv = system.run(sys.executable, "-c", "import ensurepip, venv").returncode == 0
    there = {"nginx": shutil.which("nginx", path=path), "ensurepip": has_venv, "logrotate": shutil.which("logrotate", path=path)}
    return [NEEDED[name] for name, found in there.items() if not found]


def _packages() -> None:
    if not Path("/run/systemd/system").is_dir():
        raise AgentError("systemd is not in charge of this host; way out: take a Debian or Ubuntu that was booted with it")
    install(_missing())
    if system.systemctl("is-active", "--quiet", "nginx").returncode:
        system.systemctl("enable", "--now", "nginx")


def install(missing: list[str]) -> None:
    """Packages of the distribution. Raises with the way out where they cannot be had."""
    if missing and not shutil.which("apt-get"):
        raise AgentError(f"{' and '.join(missing)} missing, and there is no apt-get here; way out: install them by hand")
    if missing:
        quiet = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}
        system.run("apt-get", "update", "-qq", env=quiet)
        done = system.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, env=quiet, timeout=900)
        if done.returncode:
            way_out = f"way out: make the package mirror reachable, or: apt install {' '.join(missing)}"
            raise AgentError(f"{' and '.join(missing)} cannot be installed: {system.last_line(done.stderr)}; {way_out}")


def claim(request: Request, places: Places) -> None:
    """The name is ours, or becomes it: what another stack or the system itself has under it is never touched."""
    if places.owner.exists():
        owner = places.owner.read_text().strip()
        if owner != request.owner:
            raise AgentError(f"{request.app} on this host belongs to stack {owner}; way out: another app.name")
        return
    taken = [str(path) for path in (places.etc, places.root, places.run, SITES / f"{request.app}.conf") if path.exists()]
    if taken:
        raise AgentError(f"{taken[0]} is there and not of gateway's making; way out: another app.name, or move it away")
    system.folder(places.etc)
    system.write(places.owner, f"{request.owner}\n")


def _user(user: str) -> None:
    try:
        if pwd.getpwnam(user).pw_uid >= 1000:
            raise AgentError(f"'{user}' is a person's account on this host; way out: another app.name")
    except KeyError:
        system.must("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", user)
    grp.getgrnam(NGINX_GROUP)


def _folders(user: str, places: Places) -> None:
    for path in (places.etc, places.root, places.releases, places.venvs, places.entries, places.run):
        system.folder(path)
    system.folder(places.env, 0o750, group=user)
    system.folder(places.instances, 0o700)
    # The site's group may write: in the plain form the server is another user with that group.
    for path in (places.facts, places.static, places.media):
        system.folder(path, 0o2775, user, user)
    system.folder(places.data, 0o2770, user, user)


def write_env(request: EnvRequest, user: str) -> str:
    """The env file of that id, for root and the site's group only."""
    places = Places(request.app)
    with system.room(places.env):
        system.write(places.env_file(request.env_id), request.text, 0o640, user)
    return request.env_id


def remove_site(request: PrepareRequest) -> str:
    """The site goes, but for what users made."""
    monitoring.remove_timer(request.app)
    return instances.remove_site(Places(request.app))


def remove_data(request: PrepareRequest) -> str:
    """What users made, and with it the last trace of the site. Only once no instance is left."""
    places = Places(request.app)
    claim(request, places)
    if system.units_of(places):
        raise AgentError(f"{request.app} still has instances on this host; way out: make down, then again")
    for path in (places.root, places.etc, places.run):
        shutil.rmtree(path, ignore_errors=True)
    system.run("userdel", request.user)
    return "removed"
