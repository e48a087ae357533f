"""The site's access log and the process behind it, from a mark on."""

import os

from targets.host.agent import system
from targets.host.agent.places import Places


def mark(places: Places, instance: str) -> dict[str, int]:
    """Where the log ends, and which process serves: taken before the switch."""
    pid, restarts = process(places, instance)
    try:
        found = places.access_log.stat()
    except OSError:  # no request so far
        return {"pid": pid, "restarts": restarts, "file": 0, "offset": 0}
    return {"pid": pid, "restarts": restarts, "file": found.st_ino, "offset": found.st_size}


def process(places: Places, instance: str) -> tuple[int, int]:
    """The instance's main process, and how often systemd has started it again."""
    shown = system.systemctl("show", f"{places.unit(instance)}.service", "--property=MainPID,NRestarts").stdout
    told = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    return int(told.get("MainPID") or 0), int(told.get("NRestarts") or 0)


class Log:
    """Nginx's access log from a mark on, also when it is rotated meanwhile."""

    def __init__(self, places: Places, mark: dict[str, int]) -> None:
        self.path, self.file, self.offset = places.access_log, mark["file"], mark["offset"]

    def more(self) -> list[str]:
        """Whole lines that have come since the last time."""
        try:
            with self.path.open("rb") as log:
                found = os.fstat(log.fileno())
                if found.st_ino != self.file or found.st_size < self.offset:
                    self.file, self.offset = found.st_ino, 0
                log.seek(self.offset)
                text = log.read()
        except OSError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self.offset += len(whole)
        return whole.decode(errors="replace").splitlines()
