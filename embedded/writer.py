"""Writes the state of a running update: who waits for a write shares it with everybody who came meanwhile."""

import threading
from dataclasses import dataclass, field

from embedded.backend import Backend, manifest
from embedded.passphrase import PassphraseCrypter
from embedded.state import Snapshot


@dataclass
class Writer:
    """``save`` returns once everything that was so before the call is on disk."""

    backend: Backend
    crypter: PassphraseCrypter
    snapshot: Snapshot
    lock: threading.RLock = field(default_factory=threading.RLock)
    """The one that guards the snapshot."""

    def __post_init__(self) -> None:
        self._asked = self._written = 0
        self._file = threading.Lock()
        self._first = True

    def save(self) -> None:
        """The whole state, atomically."""
        with self.lock:
            self._asked += 1
            mine = self._asked
        with self._file:
            if self._written >= mine:
                return
            with self.lock:
                upto, deployment = self._asked, self._deployment()
            self.backend.save(deployment, backup=self._first)
            self._written, self._first = upto, False

    def _deployment(self) -> dict[str, object]:
        pending = [{"resource": one.resource.to_json(self.crypter), "type": one.type} for one in self.snapshot.pending]
        return {
            "manifest": manifest(),
            "secrets_providers": {"type": "passphrase", "state": {"salt": self.crypter.state}},
            "resources": [resource.to_json(self.crypter) for resource in self.snapshot.resources],
            **({"pending_operations": pending} if pending else {}),
            "metadata": {},
        }
