"""Pulumi's file backend: where a stack's checkpoint, history, backups and lock are, as the CLI has them."""

import contextlib
import getpass
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from socket import gethostname
from typing import Any

from embedded.errors import EngineError, Locked, NotSupported

VERSION = "v0.1.0-embedded"


@dataclass(frozen=True)
class Backend:
    """One stack's place in a folder."""

    url: str
    project: str
    stack: str

    @property
    def root(self) -> Path:
        if not self.url.startswith("file://"):
            raise NotSupported(f"backend but a folder (PULUMI_BACKEND_URL={self.url})")
        return Path(self.url.removeprefix("file://")).expanduser() / ".pulumi"

    @property
    def checkpoint(self) -> Path:
        return self.root / "stacks" / self.project / f"{self.stack}.json"

    @property
    def _history(self) -> Path:
        return self.root / "history" / self.project / self.stack

    def create(self) -> None:
        """The folder's own version, and an empty stack where there is none."""
        meta = self.root / "meta.yaml"
        if not meta.exists():
            write(meta, "version: 1\n")
        if not self.checkpoint.exists():
            self.save(None)

    def load(self) -> dict[str, Any]:
        """The last deployment, empty for a stack that has never been up. Raises ``EngineError`` for what it cannot read."""
        if not self.checkpoint.exists():
            packed = [path for path in (Path(f"{self.checkpoint}.gz"), Path(f"{self.checkpoint}.zst")) if path.exists()]
            if packed:
                raise NotSupported(f"reader for compressed state ({packed[0]})")
            return {}
        found = json.loads(self.checkpoint.read_text())
        if found.get("version") != 3:
            raise EngineError(f"{self.checkpoint} is a checkpoint of version {found.get('version')}; this engine reads version 3")
        deployment: dict[str, Any] = found["checkpoint"].get("latest") or {}
        return deployment

    def save(self, deployment: str | None, *, backup: bool = False) -> None:
        """The deployment as JSON text, whole or not at all; ``backup`` keeps what was there as ``.bak``."""
        if backup and self.checkpoint.exists():
            write(Path(f"{self.checkpoint}.bak"), self.checkpoint.read_text())
        latest = f',"latest":{deployment}' if deployment else ""
        write(self.checkpoint, f'{{"version":3,"checkpoint":{{"stack":"organization/{self.project}/{self.stack}"{latest}}}}}')

    def record(self, update: Mapping[str, Any]) -> None:
        """An update into the history, with a copy of what it left, and a backup of it."""
        name, text = f"{self.stack}-{time.time_ns()}", self.checkpoint.read_text()
        write(self._history / f"{name}.history.json", to_text(update))
        write(self._history / f"{name}.checkpoint.json", text)
        write(self.root / "backups" / self.project / self.stack / f"{self.stack}.{time.time_ns()}.json", text)

    def history(self) -> list[dict[str, Any]]:
        """Every update, the newest first, as the CLI or this engine wrote it."""
        files = sorted(self._history.glob("*.history.json"), reverse=True)
        return [json.loads(path.read_text()) for path in files]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else works on the stack meanwhile. Raises ``Locked`` with the holder."""
        folder = self.root / "locks" / "organization" / self.project / self.stack
        mine = folder / f"{uuid.uuid4()}.json"
        holder = {"pid": os.getpid(), "username": getpass.getuser(), "hostname": gethostname(), "timestamp": _now()}
        self._check(folder, mine)
        write(mine, json.dumps(holder))
        try:
            self._check(folder, mine)
            yield
        finally:
            mine.unlink(missing_ok=True)

    def _check(self, folder: Path, mine: Path) -> None:
        for path in sorted(folder.glob("*.json")):
            if path != mine:
                with contextlib.suppress(OSError, ValueError):
                    lock = json.loads(path.read_text())
                    raise Locked(
                        f"the stack is currently locked by 1 lock(s)\n  {path}: created by {lock['username']}@"
                        f"{lock['hostname']} (pid {lock['pid']}) at {lock['timestamp']}"
                    )


def manifest() -> dict[str, str]:
    """Who wrote a deployment, and when; the CLI checks ``magic`` against ``version``."""
    return {"time": _now(), "magic": hashlib.sha256(VERSION.encode()).hexdigest(), "version": VERSION}


def to_text(value: Any) -> str:
    """JSON as the CLI writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write(path: Path, text: str) -> None:
    """The whole file or the old one: beside it first, then renamed, on disk both times."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    beside.rename(path)
    path.with_name(f"{path.name}.attrs").unlink(missing_ok=True)  # the CLI's notes about what was there
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")
