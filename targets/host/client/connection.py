"""How a host is reached. Standard library only: a step of Pulumi starts this in a few milliseconds."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One host, and perhaps the bastion host before it."""

    address: str
    """``local`` for this very machine."""
    port: int = 22
    user: str = "root"
    host_key: str = ""
    """The host's public key, as in authorized_keys: ``ssh-ed25519 AAAA...``."""
    private_key: str = field(default="", repr=False)
    """Text of the login key; else ``key_file``, else the SSH agent and the user's own keys."""
    key_file: str = ""
    proxy: "Connection | None" = None

    @property
    def local(self) -> bool:
        return self.address == "local"

    @property
    def name(self) -> str:
        """What people read."""
        return self.address if self.port == 22 else f"{self.address}:{self.port}"

    @property
    def digest(self) -> str:
        """Names a login: another key or host key is another login."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def connection(values: dict[str, Any]) -> Connection:
    """From JSON."""
    proxy = values.get("proxy")
    return Connection(**{**values, "proxy": connection(proxy) if proxy else None})
