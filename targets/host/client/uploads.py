"""A release on a host: asked for first, and only what is missing there is sent."""

import base64
import contextlib
import fcntl
import gzip
import io
import json
import os
import platform
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from targets.common.errors import AgentError
from targets.host.client.hosts import Host

CACHE = Path(".gateway/hosts")
"""Archives and wheels that several hosts get: made once per update."""


def release(host: Host, request: dict[str, Any], others: Sequence[Host] = ()) -> str:
    """The release and its environment on the host, made or found; returns the release's id.

    One that is only to be found, and is not (the host was rebuilt, a file is damaged), comes from one of ``others``.
    """
    asked = _asked(request)
    found = json.loads(host.agent("kept", json.dumps(asked)))
    if found["there"]:
        return str(request["release"])
    if not request["source"]:
        return _from_another(host, asked, found, others)
    # Imported here only: the other steps must start quickly.
    from settings.errors import ConfigErrors
    from settings.source import open_source
    from targets.common import requirements

    try:
        source = open_source(request["source"], request["ref"])
    except ConfigErrors as error:
        raise AgentError(str(error)) from None
    if request["digest"] and source.digest != request["digest"]:
        raise AgentError(f"files in {request['source']} changed while the update was running; way out: run it again")
    wanted = requirements.text(source.root, request["requirements"])
    noted = {key: request[key] for key in ("settings_module", "migrations", "python")}
    noted |= {"requirements": wanted, "packages": "".join(f"{package}\n" for package in request["packages"])}
    noted["venv"] = _hash(wanted, request["packages"], request["python"])
    _venv(host, _venv_request(asked, noted))
    with _archive(source, request["release"]) as archive:
        host.agent("release", json.dumps({**asked, **noted}), archive)
    return str(request["release"])


def _venv_request(asked: dict[str, Any], noted: dict[str, Any]) -> dict[str, Any]:
    values = {key: noted[key] for key in ("venv", "requirements", "python")}
    return {"app": asked["app"], "owner": asked["owner"], "servers": noted["packages"], **values}


def _from_another(host: Host, asked: dict[str, Any], found: dict[str, Any], others: Sequence[Host]) -> str:
    """A kept release as another host has it."""
    for other in others:
        with contextlib.suppress(AgentError):  # that one has its own step, which tells what is wrong there
            noted = json.loads(other.agent("pack", json.dumps(asked)))
            if noted:
                archive = io.BytesIO(base64.b64decode(noted.pop("archive")))
                _venv(host, _venv_request(asked, noted))
                host.agent("release", json.dumps({**noted, **asked}), archive)
                return str(asked["release"])
    if found["damage"]:
        raise AgentError(
            host.told(
                f"the kept release {asked['release']} is damaged ({found['damage']}); what serves stays; "
                "way out: deploy its source again, or go back to another release"
            )
        )
    kept = ", ".join(found["kept"]) or "none"
    raise AgentError(
        host.told(
            f"release {asked['release']} of {asked['app']} is not kept on this host; kept are: {kept}; "
            "way out: deploy its source again, or go back to one of those"
        )
    )


def collect(host: Host, request: dict[str, Any]) -> str:
    """What the release leaves behind, when the engine drops it."""
    return host.agent("collect", json.dumps(_asked(request)))


def _asked(request: dict[str, Any]) -> dict[str, Any]:
    return {key: request[key] for key in ("app", "owner", "release", "keep")}


def _hash(*parts: object) -> str:
    from rendering.identity import short_hash

    return short_hash(*parts)


@contextlib.contextmanager
def _once(name: str) -> Iterator[Path]:
    """A place in the cache, for one process at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield CACHE / name


@contextlib.contextmanager
def _archive(source: Any, release: str) -> Iterator[io.BufferedReader]:
    """Exactly the release's files, owned by root, as a compressed tar archive."""
    with _once(f"{release}.tar.gz") as path:
        if not path.exists():
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            with gzip.open(beside, "wb", compresslevel=3) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
                for name in source.files:
                    tar.add(source.root / name, name, recursive=False, filter=_plain)
            beside.replace(path)
            for old in sorted(CACHE.glob("*.tar.gz"), key=lambda one: one.stat().st_mtime)[:-3]:
                old.unlink(missing_ok=True)
    with path.open("rb") as file:
        yield file


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owner root, readable by all, writable by nobody else."""
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
    return info


def _venv(host: Host, request: dict[str, Any]) -> None:
    """The environment; uv is brought where there is none, wheels where the host has no way to a package index."""
    text = json.dumps(request)
    wants = json.loads(host.agent("wants", text))
    if wants["there"]:
        return
    if not wants["uv"] and wants["machine"] == platform.machine():
        from uv import find_uv_bin

        with Path(find_uv_bin()).open("rb") as binary:
            host.agent("uv", json.dumps({"app": request["app"], "owner": request["owner"]}), binary)
    if wants["index"]:
        host.agent("venv", text)
        return
    with _wheels(request, wants["python"], wants["machine"]) as archive:
        host.agent("venv", text, archive)


@contextlib.contextmanager
def _wheels(request: dict[str, Any], python: str, machine: str) -> Iterator[io.BufferedReader]:
    """Wheels for the host's Python, fetched by this machine, as a tar archive."""
    from targets.common import wheels

    version = f"{request['python']}.0" if request["python"] else python
    with _once(f"wheels-{request['venv']}-{version}-{machine}.tar") as path, tempfile.TemporaryDirectory() as folder:
        if not path.exists():
            files = [Path(folder, f"{name}.txt") for name in ("requirements", "servers")]
            for text in files:
                text.write_text(request[text.stem])
            wheels.bring(Path(folder, "wheels"), files, version, machine)
            beside = path.with_name(f".{path.name}.{os.getpid()}")
            with tarfile.open(beside, "w") as tar:
                for wheel in sorted(Path(folder, "wheels").glob("*.whl")):
                    tar.add(wheel, wheel.name, filter=_plain)
            beside.replace(path)
    with path.open("rb") as packed:
        yield packed
