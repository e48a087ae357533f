"""Certificates with their keys on the machine that serves, apart from releases: what is kept, and which one serves.

Standard library and the ``openssl`` command only: it runs on hosts and in containers. Below the root folder:
``pairs/<source>-<id>/fullchain.pem`` and ``privkey.pem`` (root, 0600), ``live`` (a link to the pair that serves, moved by one
rename), ``challenge`` (answers to an ACME server), ``state.json`` (what was last tried).
"""

import calendar
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from targets.common.errors import AgentError

OWN_DAYS = 397
"""How long a self-made certificate is valid; browsers take no longer one."""
OWN_LEFT_DAYS = 30
"""With less left than this, an update makes a new one."""
KEPT = 3
"""Pairs of each source that are kept."""
DAY = 86400
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Pair:
    """One kept certificate."""

    folder: Path
    names: tuple[str, ...]
    begins: float
    """Unix time."""
    ends: float

    @property
    def source(self) -> str:
        """``files``, ``self`` or ``acme``."""
        return self.folder.name.partition("-")[0]

    def left(self, now: float) -> float:
        """Part of its life that is left, at most 1; negative when it has expired."""
        return (self.ends - now) / max(self.ends - self.begins, 1)

    def covers(self, names: Sequence[str]) -> bool:
        return all(any(_covers(own, name) for own in self.names) for name in names)


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (pattern.startswith("*.") and name.partition(".")[2] == pattern[2:])


class Store:
    """The certificates of one site."""

    def __init__(self, root: Path) -> None:
        self.root, self.live, self.challenge = root, root / "live", root / "challenge"
        self._pairs, self._state = root / "pairs", root / "state.json"

    def prepare(self) -> None:
        """Folders, with modes that let Nginx's workers at the challenges and nobody but root at the keys."""
        for path, mode in ((self.root, 0o755), (self._pairs, 0o700), (self.challenge, 0o755)):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """One at a time: an update and a renewal may meet."""
        self.prepare()
        with (self._pairs / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def serving(self) -> Pair | None:
        """The pair that ``live`` names."""
        try:
            return read(self.root / os.readlink(self.live))
        except (OSError, AgentError):
            return None

    def kept(self, source: str) -> list[Pair]:
        """Pairs of that source that can be read, the one that ends last first."""
        found = []
        for folder in self._pairs.glob(f"{source}-*"):
            with contextlib.suppress(AgentError):
                found.append(read(folder))
        return sorted(found, key=lambda pair: pair.ends, reverse=True)

    def install(self, source: str, chain: str, key: str) -> Pair:
        """Keep the pair, whole and checked, and let ``live`` name it."""
        name = f"{source}-{hashlib.sha256((chain + key).encode()).hexdigest()[:10]}"
        folder = self._pairs / name
        if not folder.exists():
            beside = Path(tempfile.mkdtemp(dir=self._pairs, prefix=".new-"))
            try:
                for file, text in (("fullchain.pem", chain), ("privkey.pem", key)):
                    descriptor = os.open(beside / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                    with os.fdopen(descriptor, "w") as written:
                        written.write(text)
                expect_fit(beside)
                beside.rename(folder)
            finally:
                shutil.rmtree(beside, ignore_errors=True)
        pair = read(folder)
        self.use(pair)
        return pair

    def use(self, pair: Pair) -> None:
        """``live`` names the pair, by one rename; the oldest ones that nobody needs go."""
        target = f"pairs/{pair.folder.name}"
        if not (self.live.is_symlink() and os.readlink(self.live) == target):
            beside = self.root / f".live.{os.getpid()}"
            beside.unlink(missing_ok=True)
            beside.symlink_to(target)
            beside.replace(self.live)
        for old in self.kept(pair.source)[KEPT:]:
            if old.folder.name != pair.folder.name:
                shutil.rmtree(old.folder, ignore_errors=True)

    def state(self) -> dict[str, Any]:
        """What was last tried: ``at``, ``error``, ``tries`` in a row that failed; empty at first."""
        try:
            found: dict[str, Any] = json.loads(self._state.read_text())
        except (OSError, ValueError):
            return {}
        return found

    def note(self, error: str) -> None:
        """How a try to get a certificate ended, '' for well."""
        tries = int(self.state().get("tries", 0)) + 1 if error else 0
        told = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "error": error, "tries": tries}
        beside = self.root / f".state.{os.getpid()}"
        beside.write_text(json.dumps(told))
        beside.replace(self._state)

    def told(self) -> dict[str, Any]:
        """The certificate that serves, for a person or a program: source, names, begin and end, days left, the last failure."""
        pair = self.serving()
        if pair is None:
            return {}
        days = int((pair.ends - time.time()) // DAY)
        begins, ends = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)) for moment in (pair.begins, pair.ends))
        source = {"self": "self-signed"}.get(pair.source, pair.source)
        return {"source": source, "names": list(pair.names), "begins": begins, "ends": ends, "days": days, **self.state()}


def self_made(store: Store, names: Sequence[str], now: float) -> Pair:
    """A kept one of ours that is for these names and has time left, else a new one; ``live`` names it."""
    for pair in store.kept("self"):
        if set(pair.names) == set(names) and pair.ends - now > OWN_LEFT_DAYS * DAY:
            store.use(pair)
            return pair
    return store.install("self", *make(names))


def make(names: Sequence[str]) -> tuple[str, str]:
    """A self-signed certificate on an elliptic curve and its key, as texts. No name: a certificate for nobody."""
    with tempfile.TemporaryDirectory(prefix="gateway-tls-") as folder:
        key, chain = Path(folder, "key"), Path(folder, "chain")
        alternatives = ",".join(f"DNS:{name}" for name in names) or "DNS:invalid"
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256"),
            *("-keyout", str(key), "-out", str(chain), "-days", str(OWN_DAYS), "-subj", f"/CN={(names or ['invalid'])[0][:64]}"),
            *("-addext", f"subjectAltName={alternatives}", "-addext", "extendedKeyUsage=serverAuth"),
            *("-addext", "keyUsage=critical,digitalSignature"),
        )
        return chain.read_text(), key.read_text()


def read(folder: Path) -> Pair:
    """What the certificate in that folder says of itself. Raises ``AgentError`` where there is none."""
    text = openssl("x509", "-in", str(folder / "fullchain.pem"), "-noout", "-dates", "-ext", "subjectAltName")
    dates = dict(re.findall(r"^(notBefore|notAfter)=(.*)$", text, re.MULTILINE))
    names = tuple(name.lower() for name in re.findall(r"DNS:([^\s,]+)", text))
    return Pair(folder, names, _moment(dates["notBefore"]), _moment(dates["notAfter"]))


def _moment(told: str) -> float:
    """``Nov 21 10:00:00 2026 GMT`` as Unix time, whatever the locale."""
    month, day, clock, year, _ = told.split()
    plain = f"{year} {MONTHS.index(month) + 1} {day} {clock} UTC"
    return calendar.timegm(time.strptime(plain, "%Y %m %d %H:%M:%S %Z"))


def expect_fit(folder: Path) -> None:
    """Raises unless the key is the certificate's own."""
    public = openssl("pkey", "-in", str(folder / "privkey.pem"), "-pubout")
    if public.split() != openssl("x509", "-in", str(folder / "fullchain.pem"), "-noout", "-pubkey").split():
        raise AgentError("the private key does not belong to the certificate; the one before goes on serving")


def openssl(*args: str) -> str:
    """Output of the command. Raises with its own words."""
    try:
        done = subprocess.run(["openssl", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise AgentError("there is no openssl here; way out: apt-get install openssl") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["it gave no reason"]
        raise AgentError(f"openssl {args[0]} failed: {lines[-1].strip()}")
    return done.stdout
