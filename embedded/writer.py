"""Writes the state of a running update: who waits for a write shares it with everybody who came meanwhile."""

import threading
from dataclasses import dataclass, field

from embedded.backend import Backend, manifest, to_text
from embedded.passphrase import PassphraseCrypter
from embedded.state import Resource, Snapshot


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
        self._texts: dict[int, tuple[Resource, tuple[object, ...], str]] = {}

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

    def _deployment(self) -> str:
        pending = [{"resource": one.resource.to_json(self.crypter), "type": one.type} for one in self.snapshot.pending]
        around = {
            "manifest": manifest(),
            "secrets_providers": {"type": "passphrase", "state": {"salt": self.crypter.state}},
            **({"pending_operations": pending} if pending else {}),
            "metadata": {},
        }
        return f'{to_text(around)[:-1]},"resources":[{",".join(map(self._text, self.snapshot.resources))}]}}'

    def _text(self, one: Resource) -> str:
        """Made once per change: values are replaced and never changed in place."""
        now = (one.id, one.delete, one.pending_replacement, one.init_errors, one.outputs, one.inputs)
        known = self._texts.get(id(one))
        if known is None or any(a is not b for a, b in zip(known[1], now, strict=True)):
            known = self._texts[id(one)] = (one, now, to_text(one.to_json(self.crypter)))
        return known[2]
