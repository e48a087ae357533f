"""Where Pulumi finds its state and its passphrase: made on first use, with no login anywhere."""

import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / ".gateway"


@dataclass(frozen=True)
class Workspace:
    """The project folder and the environment that the Pulumi CLI gets."""

    root: Path
    env: dict[str, str]

    @property
    def state(self) -> Path | None:
        """Folder of the local file backend, None for another backend."""
        url = self.env.get("PULUMI_BACKEND_URL", "")
        return Path(url.removeprefix("file://")) if url.startswith("file://") else None


def open_workspace() -> Workspace:
    """What the environment says, and for what it leaves out: a file backend and a passphrase (mode 0600) under ``.gateway/``."""
    LOCAL.mkdir(exist_ok=True)
    env = {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    backend = os.environ.get("PULUMI_BACKEND_URL") or f"file://{LOCAL / 'state'}"
    if backend.startswith("file://"):
        Path(backend.removeprefix("file://")).mkdir(parents=True, exist_ok=True)
    env["PULUMI_BACKEND_URL"] = backend
    for given in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        if given in os.environ:
            return Workspace(ROOT, {**env, given: os.environ[given]})
    return Workspace(ROOT, {**env, "PULUMI_CONFIG_PASSPHRASE_FILE": str(_passphrase())})


def _passphrase() -> Path:
    path = LOCAL / "passphrase"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path


def this_host() -> str:
    """The name that a lock of ours carries."""
    return socket.gethostname()
