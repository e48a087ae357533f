"""A host and its agent, which is brought there when it is missing."""

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import IO, TypeVar

from targets.common.errors import AgentError
from targets.host.client.connection import Connection
from targets.host.client.ssh import shell

T = TypeVar("T")
H = TypeVar("H")
ROOT = Path(__file__).resolve().parents[3]
COMMON = (
    "__init__",
    "access_log",
    "acme",
    "agreement",
    "answers",
    "around",
    "causes",
    "certificates",
    "diagnosis",
    "dialect",
    "errors",
    "gateway_entry",
    "gateway_settings",
    "handshake",
    "inside",
    "maintenance",
    "metrics",
    "pairs",
    "processes",
    "requests_seen",
    "rules",
    "schema",
    "settings_facts",
    "site_facts",
    "unasked",
)
"""Modules that hosts get of what all targets share: standard library only."""
PARTS = (
    "targets/__init__.py",
    *(f"targets/common/{name}.py" for name in COMMON),
    *("rendering/__init__.py", "rendering/envfile.py"),
    "targets/host/__init__.py",
)
MISSING = 96
"""Exit status that says: the agent is not there yet."""

INSTALL = """set -e
command -v python3 >/dev/null || {
    apt-get update -qq >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 >/dev/null
}
mkdir -p /usr/local/lib/gateway
beside=$(mktemp -d /usr/local/lib/gateway/.agent-XXXXXX)
trap 'rm -rf "$beside"' EXIT
tar -x --no-same-owner -f - -C "$beside"
chmod -R u=rwX,go=rX "$beside"
rm -rf "/usr/local/lib/gateway/$1"
mv -T "$beside" "/usr/local/lib/gateway/$1"
printf '#!/bin/sh\\nexec python3 /usr/local/lib/gateway/%s/targets/host/agent "$@"\\n' "$1" > /usr/local/bin/.gateway.new
chmod 755 /usr/local/bin/.gateway.new
mv /usr/local/bin/.gateway.new /usr/local/bin/gateway
cd /usr/local/lib/gateway
ls -td [0-9a-f]*/ | tail -n +6 | xargs -r rm -rf
"""
"""Puts the agent (an archive on standard input) into a folder of its name, and the command ``gateway`` onto it."""


def files() -> list[Path]:
    """The agent: all that a host gets."""
    return [*(ROOT / part for part in PARTS), *sorted((ROOT / "targets/host/agent").glob("*.py"))]


@cache
def version() -> str:
    """Name of the agent: a hash of its text."""
    total = hashlib.sha256()
    for path in files():
        total.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return total.hexdigest()[:12]


def archive() -> bytes:
    """The agent as a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in files():
            tar.add(path, str(path.relative_to(ROOT)))
    return buffer.getvalue()


class Host:
    """A host that steps are run on."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.name = connection, connection.name
        self.shell = shell(connection)

    def agent(self, verb: str, request: str, payload: IO[bytes] | None = None) -> str:
        """One step: ``request`` is a line of JSON, ``payload`` what follows it. Raises with the agent's own words."""
        program = f"/usr/local/lib/gateway/{version()}/targets/host/agent"
        command = ["sh", "-c", f'[ -d "$0" ] || exit {MISSING}; exec python3 "$0" "$1"', program, verb]
        text = request.encode() + b"\n"

        def ask() -> tuple[int, str, str]:
            stdin = text if payload is None else text + payload.read()
            done = self.shell.run(command, stdin)
            return done.returncode, done.stdout.decode(errors="replace").strip(), done.stderr.decode(errors="replace").strip()

        if payload is not None:
            payload.seek(0)
        status, out, err = ask()
        if status == MISSING:
            self.install()
            if payload is not None:
                payload.seek(0)
            status, out, err = ask()
        if status:
            raise AgentError(self.told(err or f"'{verb}' ended with status {status}"))
        return out

    def follow(self, verb: str, request: str) -> "subprocess.Popen[bytes]":
        """A step that goes on telling, a line each time; ends when it is killed, or the host goes away."""
        self.agent("look", json.dumps({**json.loads(request), "every": 0, "window": 1}))  # brings the agent, tells what is wrong
        program = f"/usr/local/lib/gateway/{version()}/targets/host/agent"
        process = self.shell.begin(["python3", program, verb])
        assert process.stdin is not None
        process.stdin.write(request.encode() + b"\n")
        process.stdin.flush()
        return process

    def install(self) -> None:
        """Bring the agent."""
        done = self.shell.run(["sh", "-c", INSTALL, "sh", version()], archive())
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip().splitlines() or ["it gave no reason"]
            full = any("No space left" in line for line in words)
            mend = "free disk space there" if full else "look after /usr/local/lib there"
            raise AgentError(self.told(f"the agent cannot be put there: {words[0]}; way out: {mend}, then run the update again"))

    def told(self, words: str) -> str:
        """The host's words with its name before them."""
        words = words.partition("gateway: ")[2] or words
        return words if self.connection.local else f"{self.name}: {words}"


def each(hosts: Sequence[H], act: Callable[[H], T]) -> list[T | AgentError]:
    """``act`` on all of them at the same time; a failure is a result like any other."""

    def safely(host: H) -> T | AgentError:
        try:
            return act(host)
        except AgentError as error:
            return error

    if len(hosts) == 1:
        return [safely(hosts[0])]
    with ThreadPoolExecutor(max_workers=min(len(hosts), 32) or 1) as pool:
        return list(pool.map(safely, hosts))
