"""The code of a release: unpacked once, never changed, kept for rollback; what nobody needs any more is collected."""

import base64
import contextlib
import hashlib
import io
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from targets.common.errors import AgentError
from targets.host.agent import stacks, system, venvs
from targets.host.agent.places import Places
from targets.host.agent.requests import ReleaseRequest

OWN = ".gateway"
"""Folder in a release with what we know of it; ``venv`` there is the link to its environment."""
FILES = "files.json"
"""There: every file of the release and its SHA-256, as it was deployed."""
SERVED = "served"
"""There: a file that is written whenever the release gets the traffic, and says for which stack."""


def kept(request: ReleaseRequest) -> dict[str, object]:
    """Whether the release is there, whole, with its environment; what is wrong with it if not; and which ones are."""
    places = Places(request.app)
    damage = _damage(places, request.release)
    if damage == "" and request.keep:
        os.utime(places.release(request.release))  # asked for again: the newest
    return {"there": damage == "", "damage": damage or "", "kept": all_kept(places)}


def _damage(places: Places, release: str) -> str | None:
    """What keeps the release from being served, '' for nothing, None where it is not there at all."""
    folder = places.release(release)
    if not folder.is_dir():
        return None
    venv = told(places, release).get("venv", "")
    if not venv or not venvs.works(places, venv):
        return "its environment does not run any more"
    for name, wanted in system.read_json(folder / OWN / FILES).items():
        path = folder / name
        if not path.is_file() or _digest(path) != wanted:
            return f"{name} is not what was deployed"
    return ""


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def told(places: Places, release: str) -> dict[str, Any]:
    """What was noted of the release when it was deployed."""
    return system.read_json(places.release(release) / OWN / "release.json")


def all_kept(places: Places) -> list[str]:
    """Ids of the releases on this host, the one that served or was deployed last first."""
    found = [path for path in places.releases.iterdir() if system.is_id(path.name)] if places.releases.is_dir() else []
    return [path.name for path in sorted(found, key=_last, reverse=True)]


def _last(path: Path) -> float:
    """When it served last, or was deployed."""
    served = path / OWN / SERVED
    return served.stat().st_mtime if served.exists() else path.stat().st_mtime


def has_served(places: Places, release: str) -> bool:
    """Whether the release has had the traffic. One of before that was noted is taken for one that has."""
    return (places.release(release) / OWN / SERVED).exists() or "migrations" not in told(places, release)


def served_by(places: Places, release: str) -> str:
    """The stack that the release served for last, '' where nobody noted it."""
    path = places.release(release) / OWN / SERVED
    return path.read_text() if path.exists() else ""


def note_served(places: Places, release: str, stack: str) -> None:
    """The release has the traffic now: it is kept longer than one that never had."""
    with contextlib.suppress(OSError):
        (places.release(release) / OWN / SERVED).write_text(stack)


def pack(request: ReleaseRequest) -> dict[str, object]:
    """A kept release for another host that has lost it: its files, what was noted of it, and what its environment is made of."""
    places = Places(request.app)
    folder, known = places.release(request.release), told(places, request.release)
    if _damage(places, request.release) != "" or "packages" not in known:
        return {}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=3) as tar:
        for name in system.read_json(folder / OWN / FILES):
            tar.add(folder / name, name, recursive=False)
    return {**known, "archive": base64.b64encode(buffer.getvalue()).decode()}


def unpack(request: ReleaseRequest, stream: BinaryIO) -> str:
    """The release from a tar archive; it has its name only once it is whole."""
    places = Places(request.app)
    final, beside = places.release(request.release), places.releases / f".{request.release}.{os.getpid()}"
    gone = places.releases / f".gone-{request.release}.{os.getpid()}"
    with system.lock(request.app, "release"), system.room(places.releases):
        if not venvs.works(places, request.venv):
            raise AgentError("the environment of the release is gone; way out: run the update again")
        try:
            beside.mkdir()
            with tarfile.open(fileobj=stream, mode="r|gz") as tar:
                tar.extractall(beside)
            delivered = _delivered(beside)
            own = beside / OWN
            own.mkdir(exist_ok=True)
            (own / "venv").symlink_to(places.venvs / request.venv)
            system.run(str(own / "venv/bin/python"), "-m", "compileall", "-q", "-j", "0", str(beside))
            (own / "release.json").write_text(json.dumps({**_noted(request), "release": request.release}))
            (own / FILES).write_text(json.dumps(delivered))
            if final.exists():  # damaged: out of the way by a rename, so that nobody finds half of it
                final.rename(gone)
            beside.rename(final)
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise AgentError(f"the release did not arrive whole ({error}); way out: run the update again") from None
        finally:
            for left in (beside, gone):
                shutil.rmtree(left, ignore_errors=True)
    return "unpacked"


def _noted(request: ReleaseRequest) -> dict[str, object]:
    names = ("venv", "settings_module", "migrations", "requirements", "packages", "python")
    return {name: getattr(request, name) for name in names}


def _delivered(folder: Path) -> dict[str, str]:
    """Every plain file below the folder and its SHA-256."""
    return {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def collect(request: ReleaseRequest) -> str:
    """Remove what is neither kept, live, the rollback point, nor in use by any process. It never fails an update.

    Kept are, for each stack, the ``keep`` releases that served last. Of those that never did, such as failed ones, the last one
    stays: it may be tried again with another config.
    """
    places = Places(request.app)
    with system.lock(request.app, "release"), contextlib.suppress(OSError):
        used, found = _in_use(places), all_kept(places)
        served = [one for one in found if has_served(places, one)]
        never = [one for one in found if one not in served]
        by_stack: dict[str, list[str]] = {}
        for one in served:
            by_stack.setdefault(served_by(places, one) or request.owner, []).append(one)
        needed_by = (str(record.get("release")) for record in _records(places).values())
        releases = {*(one for mine in by_stack.values() for one in mine[: request.keep]), *never[:1], *needed_by}
        _sweep(places.releases, releases, used)
        needed = {str(told(places, one).get("venv")) for one in all_kept(places)}
        _sweep(places.venvs, needed, used)
        _forget(places.facts.glob("*.*"), set(all_kept(places)))
    return "collected"


def collect_records(places: Places) -> str:
    """Remove records and env files of instances that neither run nor are the rollback point."""
    with system.lock(places.app, "release"), contextlib.suppress(OSError):
        records = _records(places)
        _forget(places.instances.glob("*.json"), set(records))
        _forget(places.env.glob("*.env"), {str(record.get("env_id")) for record in records.values()})
    return "collected"


def _records(places: Places) -> dict[str, dict[str, Any]]:
    """What is known of the instances that run, serve, or are the rollback point."""
    serving = system.read_json(places.serving)
    instances = {str(serving.get(role) or "") for role in stacks.ROLES} | system.units_of(places)
    instances |= stacks.in_role(places, *stacks.ROLES)
    return {one: system.read_json(places.instances / f"{one}.json") for one in instances if one}


def _forget(files: Iterable[Path], wanted: set[str]) -> None:
    for path in files:
        if path.name.partition(".")[0] not in wanted:
            path.unlink()


def _sweep(folder: Path, wanted: set[str], used: str) -> None:
    for path in folder.iterdir():
        if system.is_id(path.name) and path.name not in wanted and str(path) not in used:
            shutil.rmtree(path, ignore_errors=True)


def _in_use(places: Places) -> str:
    """Folders below the site's that any process runs in or was started from, as one text to search."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found += [os.readlink(process / "cwd"), (process / "cmdline").read_text(errors="replace")]
    return "\n".join(found)
