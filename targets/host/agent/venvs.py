"""The environment with a project's dependencies: made once for each lock, by uv where it is, shared by releases."""

import configparser
import contextlib
import os
import platform
import shutil
import ssl
import subprocess
import sys
import tarfile
import urllib.request
from pathlib import Path
from typing import BinaryIO

from targets.common.errors import AgentError
from targets.host.agent import system
from targets.host.agent.places import LIBRARY, Places
from targets.host.agent.requests import VenvRequest

PYPI = "https://pypi.org/simple"
ASK_SECONDS = 5


def wants(request: VenvRequest) -> dict[str, object]:
    """What the caller must bring: nothing where the environment is there already."""
    found = works(Places(request.app), request.venv)
    return {
        "there": found,
        "index": found or reaches_index(),
        "uv": uv() is not None,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def works(places: Places, venv: str) -> bool:
    """Whether the environment is there and its Python still runs; one of before a distribution upgrade does not."""
    python = places.venvs / venv / "bin/python"
    return python.exists() and system.run(str(python), "-c", "").returncode == 0


def uv() -> str | None:
    """uv on this host: one that we brought, or the host's own."""
    brought = LIBRARY / "uv"
    return str(brought) if brought.exists() else shutil.which("uv")


def take_uv(stream: BinaryIO) -> str:
    """uv as the caller brings it."""
    with system.room(LIBRARY):
        LIBRARY.mkdir(parents=True, exist_ok=True)
        beside = LIBRARY / f".uv.{os.getpid()}"
        try:
            with beside.open("wb") as file:
                shutil.copyfileobj(stream, file)
            beside.chmod(0o755)
            beside.replace(LIBRARY / "uv")
        finally:
            beside.unlink(missing_ok=True)
    return "taken"


def index_url() -> str:
    """The index that this host's pip is told to use."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(["/etc/xdg/pip/pip.conf", "/etc/pip.conf", os.path.expanduser("~/.config/pip/pip.conf")])
    return os.environ.get("PIP_INDEX_URL") or str(parser.get("global", "index-url", fallback=PYPI))


def reaches_index() -> bool:
    """Whether this host can open the package index, certificate included."""
    try:
        with urllib.request.urlopen(f"{index_url().rstrip('/')}/packaging/", timeout=ASK_SECONDS) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError, ssl.SSLError):
        return False


def build(request: VenvRequest, stream: BinaryIO) -> str:
    """Make the environment; ``stream`` is a tar archive of wheels, or empty where the index is to be asked."""
    places = Places(request.app)
    final = places.venvs / request.venv
    with system.lock(request.app, "venv", request.venv), system.room(places.venvs):
        wheels = places.venvs / f".wheels-{request.venv}"
        try:
            brought = _unpack(stream, wheels)
            if works(places, request.venv):
                return "there"
            shutil.rmtree(final, ignore_errors=True)
            _make(request, final, wheels if brought else None)
        except BaseException:
            shutil.rmtree(final, ignore_errors=True)
            raise
        finally:
            shutil.rmtree(wheels, ignore_errors=True)
    return "made"


def _unpack(stream: BinaryIO, to: Path) -> bool:
    to.mkdir(exist_ok=True)
    with contextlib.suppress(tarfile.ReadError), tarfile.open(fileobj=stream, mode="r|") as tar:
        tar.extractall(to)
    return any(to.iterdir())


def _make(request: VenvRequest, final: Path, wheels: Path | None) -> None:
    """In its final place, since scripts name it; that it is whole is told by a stamp that comes last."""
    files = [final.with_name(f".{request.venv}-{name}.txt") for name in ("requirements", "servers")]
    for file, text in zip(files, (request.requirements, request.servers), strict=True):
        file.write_text(text)
    try:
        for command in _commands(request, final, [str(file) for file in files], wheels):
            env = {"UV_CACHE_DIR": str(LIBRARY / "uv-cache"), "UV_PYTHON_INSTALL_DIR": str(LIBRARY / "pythons")}
            done = system.run(*command, env={**env, "UV_LINK_MODE": "hardlink", "UV_SYSTEM_CERTS": "1"}, timeout=1800)
            if done.returncode:
                raise AgentError(_why(request, done, final))
    finally:
        for file in files:
            file.unlink(missing_ok=True)


def _commands(request: VenvRequest, final: Path, files: list[str], wheels: Path | None) -> list[list[str]]:
    requirements = [part for file in files for part in ("-r", file)]
    where = ["--no-index", "--find-links", str(wheels)] if wheels else ["--index-url", index_url()]
    python, tool = str(final / "bin/python"), uv()
    if tool:
        version = request.python or sys.executable
        make = [tool, "venv", "--quiet", "--no-project", "--python", version, str(final)]
        install = [tool, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *where, *requirements]
        return [make, install]
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if request.python not in ("", own):
        other = shutil.which(f"python{request.python}")
        if not other:
            raise AgentError(f"{no_python(request.python)}")
        return [[other, "-m", "venv", str(final)], [python, "-m", "pip", "install", "--quiet", *where, *requirements]]
    return [[sys.executable, "-m", "venv", str(final)], [python, "-m", "pip", "install", "--quiet", *where, *requirements]]


def no_python(version: str) -> str:
    return (
        f"the project asks for Python {version}, and this host has {platform.python_version()} and no way to fetch another; "
        f"way out: install python{version} with its venv package on the host, or change .python-version"
    )


def _why(request: VenvRequest, done: "subprocess.CompletedProcess[str]", final: Path) -> str:
    words = (done.stderr or done.stdout).strip()
    if "No space left" in words or "os error 28" in words:
        return system.no_space(final)
    if done.args[1] == "venv" and request.python:
        return no_python(request.python)
    lines = [line.strip(" ×╰─▶│├") for line in words.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "error"))]
    reason = errors[-1] if errors else " ".join(lines[:4]) or "it gave no reason"
    return "\n".join([f"the dependencies cannot be installed: {reason}", *(f"  | {line}" for line in lines[-12:])])
