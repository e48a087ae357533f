"""systemd units of an instance: its socket, its service, and the unit that gives it another chance after too many failures."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rendering.seconds import STOP_SECONDS
from rendering.templates import render

REST_SECONDS = 20
"""How long an instance rests that failed five times in half a minute."""

HARDENING = (
    "NoNewPrivileges=yes",
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectControlGroups=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "RemoveIPC=yes",
    "LockPersonality=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "SystemCallErrorNumber=EPERM",
)
"""What an app server does without. A release task gets the same, so that what works there works in the server."""


@dataclass(frozen=True, kw_only=True)
class UnitSpec:
    """One instance on a host."""

    app: str
    instance: str
    interface: str
    server: str
    release: str
    user: str
    release_folder: str
    env_file: str
    program: str
    """Folder of the environment's programs."""
    argv: Sequence[str]
    environment: Sequence[tuple[str, str]]
    """Plain variables beside the env file."""
    listen: str
    """Path of the unix socket, or address and port."""
    port: int = 0
    """TCP port of the plain form; 0 for a unix socket."""
    nginx_group: str = "www-data"
    writable: Sequence[str]
    start_seconds: int = 60
    stop_seconds: int = STOP_SECONDS
    memory_high: str = ""
    memory_max: str = ""

    @property
    def name(self) -> str:
        """Without the ending."""
        return f"{self.app}-{self.instance}"

    @property
    def command(self) -> str:
        """ExecStart in systemd's quoting."""
        program, *rest = self.argv
        return " ".join([quoted(f"{self.program}/{program}"), *map(quoted, rest)])


def quoted(word: str) -> str:
    """A word of ExecStart that reaches the program as it is: no specifier, no variable, no splitting."""
    word = word.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"').replace("\n", "\\n")
    return word if re.fullmatch(r"[\w@%+=:,./$-]+", word) else f'"{word}"'


def service(spec: UnitSpec) -> str:
    """Text of the ``.service``. The agent puts what the project's settings say of files in place of the line ``# files``."""
    return render("systemd/app.service.j2", unit=spec, hardening=HARDENING)


def socket(spec: UnitSpec) -> str:
    """Text of the ``.socket``."""
    return render("systemd/app.socket.j2", unit=spec)


def again(spec: UnitSpec) -> str:
    """Text of the template unit that is shared by the site's instances."""
    return render("systemd/app-again@.service.j2", unit=spec, rest_seconds=REST_SECONDS)


def renewal(app: str, tls: str, acme: str) -> tuple[str, str]:
    """Texts of the ``.service`` and the ``.timer`` that renew a certificate; the paths are the folders that it may write."""
    service, timer = (render(f"systemd/certificate.{ending}.j2", app=app, tls=tls, acme=acme) for ending in ("service", "timer"))
    return service, timer
