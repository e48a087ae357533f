"""One login per host and update, by the OpenSSH client: later steps go through the connection that the first one made.

Nothing of the user's own SSH configuration is read, so that it is the stack's config alone that decides who is let in and who is
believed: the host key is the one from the config, never one that was accepted some time.
"""

import os
import shlex
import shutil
import stat
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import IO

from targets.common.errors import AgentError
from targets.host.client.connection import Connection

PERSIST_SECONDS = 15
"""How long a connection waits for the next step."""
CONNECT_SECONDS = 5
ALGORITHMS = {"ssh-rsa": "rsa-sha2-512,rsa-sha2-256"}
"""Key type -> signature algorithms, where the two are not called the same."""


class Gone(AgentError):
    """The host did not answer, or went away."""


class Stranger(Gone):
    """Who answered has another host key than the one that is believed."""


def private_folder() -> Path:
    """A folder that only this user can read, short enough for a socket's path."""
    path = Path(tempfile.gettempdir(), f"gateway-ssh-{os.getuid()}")
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise AgentError(f"{path} belongs to somebody else; way out: remove it")
    return path


def options(connection: Connection, folder: Path) -> list[str]:
    """Options of ssh for one hop; files that it needs are written to ``folder``."""
    known = folder / f"{connection.digest}.known"
    name = connection.address if connection.port == 22 else f"[{connection.address}]:{connection.port}"
    _write(known, f"{name} {connection.host_key}\n")
    kind = connection.host_key.split()[0]
    given = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(known),
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlgorithms": ALGORITHMS.get(kind, kind),
        "ConnectTimeout": str(CONNECT_SECONDS),
        "ConnectionAttempts": "1",
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        "LogLevel": "ERROR",
    }
    key = connection.key_file
    if connection.private_key:
        file = folder / f"{connection.digest}.key"
        _write(file, connection.private_key.strip() + "\n")
        key = str(file)
    if key:
        given |= {"IdentityFile": os.path.expanduser(key), "IdentitiesOnly": "yes"}
    if connection.proxy:
        hop = connection.proxy
        through = [
            "ssh",
            "-F",
            "/dev/null",
            *options(hop, folder),
            "-W",
            "%h:%p",
            "-p",
            str(hop.port),
            f"{hop.user}@{hop.address}",
        ]
        given["ProxyCommand"] = " ".join(part if part == "%h:%p" else shlex.quote(part) for part in through)
    return [part for name, value in given.items() for part in ("-o", f"{name}={value}")]


def _write(path: Path, text: str) -> None:
    """A file of this user's alone."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.replace(path)


class Shell:
    """Commands on a host, as root."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def run(self, command: list[str], stdin: bytes | IO[bytes] = b"") -> "subprocess.CompletedProcess[bytes]":
        """Run it there with that standard input. Raises where the host or the login failed, not where the command did."""
        raise NotImplementedError

    def begin(self, command: list[str]) -> "subprocess.Popen[bytes]":
        """Start it there; its input and output are pipes."""
        raise NotImplementedError


class Local(Shell):
    """This very machine."""

    def run(self, command: list[str], stdin: bytes | IO[bytes] = b"") -> "subprocess.CompletedProcess[bytes]":
        done = _run(self._argv(command), stdin)
        _check_sudo(done, "this machine", os.environ.get("USER", "you"))
        return done

    def begin(self, command: list[str]) -> "subprocess.Popen[bytes]":
        return _begin(self._argv(command))

    @staticmethod
    def _argv(command: list[str]) -> list[str]:
        return command if os.geteuid() == 0 else ["sudo", "-n", *command]


class Remote(Shell):
    """A host over SSH."""

    def run(self, command: list[str], stdin: bytes | IO[bytes] = b"") -> "subprocess.CompletedProcess[bytes]":
        connection = self.connection
        folder = private_folder()
        done = _run(self._argv(command, folder), stdin)
        (folder / f"{connection.digest}.key").unlink(missing_ok=True)
        if done.returncode == 255:
            words = done.stderr.decode(errors="replace")
            raise (Stranger if _is_stranger(words) else Gone)(_lost(connection, words))
        _note(connection, folder)
        _check_sudo(done, connection.name, connection.user)
        return done

    def begin(self, command: list[str]) -> "subprocess.Popen[bytes]":
        folder = private_folder()
        begun = _begin(self._argv(command, folder))
        # The connection is there already: whoever begins something has asked the host before.
        (folder / f"{self.connection.digest}.key").unlink(missing_ok=True)
        return begun

    def _argv(self, command: list[str], folder: Path) -> list[str]:
        connection = self.connection
        argv = command if connection.user == "root" else ["sudo", "-n", *command]
        shared = [
            *("-o", "ControlMaster=auto", "-o", f"ControlPersist={PERSIST_SECONDS}"),
            *("-o", f"ControlPath={folder}/{connection.digest}.mux"),
        ]
        login = ["-T", "-p", str(connection.port), "-l", connection.user, connection.address]
        return ["ssh", "-F", "/dev/null", *options(connection, folder), *shared, *login, shlex.join(argv)]


def _begin(argv: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _note(connection: Connection, folder: Path) -> None:
    """With which host key that address was logged in to last."""
    path = folder / f"{connection.address}-{connection.port}.believed"
    if not path.exists() or path.read_text() != connection.host_key:
        _write(path, connection.host_key)


def believed(connection: Connection) -> Connection | None:
    """The connection with the host key that the address was logged in to with last, None where that is this one, or none.

    A host that was rebuilt has another key. What an update deletes there, it deletes with the config that it was made with, and
    by then the update's own steps have been let in with the new one.
    """
    path = private_folder() / f"{connection.address}-{connection.port}.believed"
    key = path.read_text() if path.exists() else connection.host_key
    return None if key == connection.host_key else replace(connection, host_key=key)


def _is_stranger(words: str) -> bool:
    return any(part in words for part in ("Host key verification failed", "IDENTIFICATION HAS CHANGED", "No matching host key"))


def _run(argv: list[str], stdin: bytes | IO[bytes]) -> "subprocess.CompletedProcess[bytes]":
    if not shutil.which(argv[0]):
        raise AgentError(f"there is no {argv[0]} on this machine; way out: apt install openssh-client")
    if isinstance(stdin, bytes):
        return subprocess.run(argv, input=stdin, capture_output=True, check=False)
    return subprocess.run(argv, stdin=stdin, capture_output=True, check=False)


def _check_sudo(done: "subprocess.CompletedProcess[bytes]", host: str, user: str) -> None:
    words = done.stderr.decode(errors="replace")
    if done.returncode and words.startswith("sudo:"):
        raise AgentError(
            f"sudo refuses user {user} on {host} ({words.splitlines()[0].removeprefix('sudo: ')}); way out: there, as root, "
            f"echo '{user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/gateway, or log in as root"
        )


def _lost(connection: Connection, words: str) -> str:
    """ssh's own failure in words that tell what to do."""
    name = f"{connection.name}"
    last = next((line.strip() for line in reversed(words.splitlines()) if line.strip()), "the connection was lost")
    if _is_stranger(words):
        port = "" if connection.port == 22 else f"-p {connection.port} "
        kind = connection.host_key.split()[0].removeprefix("ssh-")
        return (
            f"{name} does not have the host key that the config gives, so nobody was logged in; way out: if it was rebuilt, "
            f"compare what `ssh-keyscan {port}-t {kind} {connection.address}` shows with the host itself and set it as hostKey; "
            "if not, somebody else answers there"
        )
    if "no matching host key type" in words:
        return f"{name} has no host key of that type ({last}); way out: take the one that ssh-keyscan {connection.address} shows"
    if "Permission denied" in words or "Load key" in words or "Too many authentication" in words:
        return (
            f"{name} refuses the login of {connection.user} ({last}); way out: correct privateKey, keyFile or user of that host, "
            f"or add the key to {connection.user}'s authorized_keys there"
        )
    if any(part in words for part in ("timed out", "refused", "No route", "Could not resolve", "unreachable")):
        return f"{name} cannot be reached ({last}); way out: start it or make its SSH port reachable, then run the update again"
    return f"{name} went away ({last}); way out: look after it, then run the update again"


def shell(connection: Connection) -> Shell:
    """Commands on that host."""
    return Local(connection) if connection.local else Remote(connection)
