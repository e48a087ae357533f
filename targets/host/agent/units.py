"""The unit files of an instance, from its record; what somebody has done to them is undone."""

import shutil
import time
from pathlib import Path

from targets.host.agent import places, system
from targets.host.agent.places import Places

ENDINGS = (".service", ".socket")


def texts(site: Places, known: dict[str, object]) -> dict[Path, str]:
    """Unit file -> its text, as the record of the instance has it."""
    files = known.get("files")
    lines = "".join(f"{line}\n" for line in (files if isinstance(files, list) else ()))
    return {
        _path(site, known, ".service"): str(known["service"]).replace("# files\n", lines),
        _path(site, known, ".socket"): str(known["socket"]),
    }


def _path(site: Places, known: dict[str, object], ending: str) -> Path:
    return places.UNITS / f"{site.unit(str(known['instance']))}{ending}"


def write(site: Places, known: dict[str, object]) -> bool:
    """The units as the record has them, and no drop-in; nothing is started. Returns whether they were other than that."""
    changed = False
    for path, text in texts(site, known).items():
        changed |= bool(drop_ins(path)) | system.write(path, text)
        shutil.rmtree(f"{path}.d", ignore_errors=True)
    changed |= system.write(places.UNITS / f"{site.app}-again@.service", str(known["again"]))
    if changed:
        system.must("systemctl", "daemon-reload")
    return changed


def mend(site: Places, known: dict[str, object]) -> bool:
    """As ``write``, for an instance that runs. Returns whether its server was started since somebody changed the units."""
    service = _path(site, known, ".service")
    when = max((path.stat().st_mtime for path in (service, *drop_ins(service)) if path.exists()), default=0.0)
    if not write(site, known):
        return False
    shown = system.systemctl("show", service.name, "--property=ActiveEnterTimestampMonotonic", "--value").stdout.strip()
    return time.time() - time.monotonic() + int(shown or 0) / 1e6 > when


def drop_ins(path: Path) -> list[Path]:
    """Files that change a unit of ours beside it, as ``systemctl edit`` makes them."""
    return sorted(path.with_name(f"{path.name}.d").glob("*.conf"))
