"""What ``status`` has found on hosts, kept for the next update: it asks hosts over HTTP and without a login, which shows less."""

import contextlib
import json
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from targets.observation import NOTES, Finding


def _path(app: str) -> Path:
    return NOTES / f"{app}.json"


def note(app: str, found: Sequence[tuple[str, Finding]]) -> None:
    """Keep it, or forget what was kept where there is nothing any more."""
    if not found:
        with contextlib.suppress(FileNotFoundError):
            _path(app).unlink()
        return
    NOTES.mkdir(parents=True, exist_ok=True)
    at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    _path(app).write_text(json.dumps({"at": at, "found": [(host, *one) for host, one in found]}))
