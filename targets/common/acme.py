"""A certificate from an ACME server, by the client ``dehydrated`` of the distribution, and a new one in time.

Answers to the server's questions (HTTP-01) are files below the store's ``challenge``, which the running Nginx shows: nothing has
to stop or listen. Account key and configuration are in a folder of their own, apart from the certificates that Nginx reads.
"""

import contextlib
import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from targets.common.errors import AgentError
from targets.common.pairs import Pair, Store, self_made

CLIENT = "dehydrated"
CLIENT_SECONDS = 600
RENEW_LEFT = 1 / 3
"""With less than this part of its life left, a certificate is renewed: 30 days of 90, 2 of 6."""
TRIES = 3
"""A server may refuse a nonce now and then, or have lost its accounts: what the client does not mend by itself."""
PLACE = "site"
"""What the client calls the certificate."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of the server."""

    names: tuple[str, ...]
    server: str
    """Directory URL."""
    email: str = ""
    ca: str = ""
    """PEM text of a private server's CA certificate."""


class Account:
    """The client's folder: account key, its configuration, what is asked, what was issued."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._asked, self._issued = folder / "asked.json", folder / "issued.json"

    def remember(self, asked: Asked, challenge: Path) -> None:
        """Note what is asked, for the timer, and write the client's configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        _write(self.folder / "ca.pem", asked.ca)
        _write(self.folder / "config", configuration(asked, self.folder, challenge))
        _write(self._asked, json.dumps(asdict(asked)))

    def asked(self) -> Asked | None:
        """What is to be had; None where no certificate is asked of a server."""
        told = _read(self._asked)
        return Asked(**{**told, "names": tuple(told["names"])}) if told else None

    def forget(self) -> None:
        """Ask no more; the account stays."""
        self._asked.unlink(missing_ok=True)

    def issued(self, pair: Pair) -> str:
        """The server that has issued the pair, '' where nobody knows."""
        return str(_read(self._issued).get(pair.folder.name, ""))

    def note(self, pair: Pair, server: str) -> None:
        _write(self._issued, json.dumps({pair.folder.name: server}))

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """One at a time: an update and the timer may meet."""
        with (self.folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def configuration(asked: Asked, folder: Path, challenge: Path) -> str:
    """The client's configuration, which is shell text. When to renew is decided here, and not by it."""
    values = {
        "CA": asked.server,
        "CHALLENGETYPE": "http-01",
        "WELLKNOWN": challenge,
        "BASEDIR": folder,
        "LOCKFILE": folder / "lock",
        "KEY_ALGO": "prime256v1",
        "PRIVATE_KEY_RENEW": "yes",
        "AUTO_CLEANUP": "yes",
        "CONTACT_EMAIL": asked.email,
        "CURL_OPTS": f"--cacert {shlex.quote(str(folder / 'ca.pem'))}" if asked.ca else "",
    }
    return "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items() if value)


def place(store: Store, account: Account, asked: Asked) -> Pair:
    """Something to serve with at once: what was issued for most of these names, else a self-made one.

    A name that is new has no certificate until the server has issued one, and the others keep theirs meanwhile.
    """
    account.remember(asked, store.challenge)
    now = time.time()
    kept = [pair for pair in store.kept("acme") if pair.ends > now and any(pair.covers([name]) for name in asked.names)]
    if kept:
        best = max(kept, key=lambda pair: (sum(pair.covers([name]) for name in asked.names), pair.ends))
        store.use(best)
        return best
    return self_made(store, asked.names, now)


def due(store: Store, account: Account, asked: Asked, now: float) -> str:
    """Why a certificate has to be asked for now; '' when there is none to ask for."""
    pair = store.serving()
    if pair is None or pair.source != "acme":
        return "none was issued yet"
    if not pair.covers(asked.names):  # one for more names will do: a rollback asks no server for anything
        return "a name is new"
    if account.issued(pair) != asked.server:
        return "another server has issued it"
    return "less than a third of its life is left" if pair.left(now) < RENEW_LEFT else ""


def renew(store: Store, account: Account, *, force: bool = False) -> Pair | None:
    """Ask for a certificate where one is due; returns it once ``live`` names it. Raises with the server's reason: all stays."""
    asked = account.asked()
    if asked is None:
        return None
    with account.lock():
        if not force and not due(store, account, asked, time.time()):
            return None
        try:
            chain, key = _obtain(account.folder, asked)
            with store.lock():
                pair = store.install("acme", chain, key)
        except AgentError as error:
            store.note(str(error))
            raise
        account.note(pair, asked.server)
        store.note("")
        return pair


def _obtain(folder: Path, asked: Asked) -> tuple[str, str]:
    """Run the client; certificate and key as texts."""
    if not shutil.which(CLIENT):
        raise AgentError(f"there is no {CLIENT} here; way out: apt-get install {CLIENT}")
    common = [CLIENT, "--config", str(folder / "config")]
    names = [part for name in asked.names for part in ("--domain", name)]
    for left in reversed(range(TRIES)):
        try:
            _client([*common, "--register", "--accept-terms"], asked)
            _client([*common, "--cron", "--force", "--alias", PLACE, *names], asked)
            break
        except AgentError as error:
            if not left or not _mended(folder, str(error)):
                raise
    made = folder / "certs" / PLACE
    return (made / "fullchain.pem").read_text(), (made / "privkey.pem").read_text()


def _mended(folder: Path, error: str) -> bool:
    """Whether another try may do: after a refused nonce; and after the server has forgotten the account, with a new one."""
    if "nonce" in error.lower():
        return True
    if not re.search(r"\bAccount\b.* (not found|does not exist)|No account exists", error, re.IGNORECASE):
        return False
    for account in (folder / "accounts").iterdir():
        if not account.name.endswith(".forgotten"):
            account.rename(account.with_name(f"{account.name}.{time.time_ns()}.forgotten"))
    return True


def _client(command: list[str], asked: Asked) -> None:
    environment: Mapping[str, str] = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            timeout=CLIENT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AgentError(f"{asked.server} had not issued after {CLIENT_SECONDS} seconds") from None
    if done.returncode:
        raise AgentError(f"no certificate for {', '.join(asked.names)} from {asked.server}: {reason(done.stdout)}")


def reason(log: str) -> str:
    """The server's own words in the client's output, else the client's."""
    details = re.findall(r'"?detail"?\]?[\s:]+"((?:[^"\\]|\\.)+)"', log)
    if details:
        return str(details[0]).replace('\\"', "'")
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    told = [line for line in lines if re.match(r"curl: \(\d+\)|Problem connecting", line)] or [x for x in lines if "ERROR" in x]
    return (told or lines[-1:] or ["it gave no reason"])[0].removeprefix("ERROR: ")


def _write(path: Path, text: str) -> None:
    """A file of root's alone, whole before it has its name."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found
