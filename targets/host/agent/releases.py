"""The code of a release: unpacked once, never changed, kept for rollback; what nobody needs any more is collected."""

import contextlib
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from targets.common.errors import AgentError
from targets.host.agent import system, venvs
from targets.host.agent.places import Places
from targets.host.agent.requests import ReleaseRequest

OWN = ".gateway"
"""Folder in a release with what we know of it; ``venv`` there is the link to its environment."""


def kept(request: ReleaseRequest) -> dict[str, object]:
    """Whether the release is there, whole, with its environment; and which ones are."""
    places = Places(request.app)
    there = _whole(places, request.release)
    if there and request.keep:
        os.utime(places.release(request.release))  # asked for again: the newest
    return {"there": there, "kept": all_kept(places)}


def _whole(places: Places, release: str) -> bool:
    own = places.release(release) / OWN
    venv = system.read_json(own / "release.json").get("venv", "")
    return bool(venv) and venvs.works(places, venv)


def all_kept(places: Places) -> list[str]:
    """Ids of the releases on this host, newest first."""
    found = [path for path in places.releases.iterdir() if system.is_id(path.name)] if places.releases.is_dir() else []
    return [path.name for path in sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)]


def unpack(request: ReleaseRequest, stream: BinaryIO) -> str:
    """The release from a tar archive; it has its name only once it is whole."""
    places = Places(request.app)
    final, beside = places.release(request.release), places.releases / f".{request.release}.{os.getpid()}"
    with system.lock(request.app, "release"), system.room(places.releases):
        if not venvs.works(places, request.venv):
            raise AgentError("the environment of the release is gone; way out: run the update again")
        try:
            beside.mkdir()
            with tarfile.open(fileobj=stream, mode="r|gz") as tar:
                tar.extractall(beside)
            own = beside / OWN
            own.mkdir(exist_ok=True)
            (own / "venv").symlink_to(places.venvs / request.venv)
            system.run(str(own / "venv/bin/python"), "-m", "compileall", "-q", "-j", "0", str(beside))
            (own / "release.json").write_text(json.dumps({"release": request.release, "venv": request.venv}))
            shutil.rmtree(final, ignore_errors=True)
            beside.rename(final)
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise AgentError(f"the release did not arrive whole ({error}); way out: run the update again") from None
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return "unpacked"


def collect(request: ReleaseRequest) -> str:
    """Remove what is neither kept, live, the rollback point, nor in use by any process. It never fails an update."""
    places = Places(request.app)
    with system.lock(request.app, "release"), contextlib.suppress(OSError):
        used = _in_use(places)
        releases = {*all_kept(places)[: request.keep], *(str(record.get("release")) for record in _records(places).values())}
        _sweep(places.releases, releases, used)
        needed = {str(system.read_json(places.release(one) / OWN / "release.json").get("venv")) for one in all_kept(places)}
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
    instances = {str(serving.get(role) or "") for role in ("live", "previous")} | system.units_of(places)
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
