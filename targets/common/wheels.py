"""Dependencies for a build whose containers cannot reach the package index: fetched here and brought along.

Company proxies are why: the machine trusts their certificate, a fresh container does not. The user notices nothing.
"""

import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

from targets.common.errors import AgentError


def bring(folder: Path, requirement_files: list[Path], version: str, machine: str) -> None:
    """Wheels for that Python into ``folder``, with the index settings that pip has on this machine.

    uv resolves, since it reads environment markers for the Python of the image and pip reads them for the one it runs on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pinned = folder / "pinned.txt"
    _resolve(pinned, requirement_files, version, machine)
    short = ".".join(version.split(".")[:2])
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in ("2_17", "2_28", "2_34")]
    abis = [f"--abi={abi}" for abi in (f"cp{short.replace('.', '')}", "abi3", "none")]
    target = [
        *platforms,
        f"--platform=manylinux2014_{machine}",
        f"--python-version={short}",
        "--implementation=cp",
        *abis,
    ]
    result = _pip("download", "--only-binary=:all:", "--no-deps", *target, "-d", str(folder), "-r", str(pinned))
    if result.returncode and short == f"{sys.version_info[0]}.{sys.version_info[1]}":
        # Some package has no wheel; with the same Python here it can be built here.
        result = _pip("wheel", "--no-deps", "-w", str(folder), "-r", str(pinned))
    if result.returncode:
        raise AgentError("the dependencies cannot be fetched: " + _reason(result.stderr))


def _resolve(pinned: Path, requirement_files: list[Path], version: str, machine: str) -> None:
    target = ["--python-version", version, "--python-platform", f"{machine}-manylinux_2_28"]
    index = _pip("config", "get", "global.index-url").stdout.strip()
    where = ["--index-url", index] if index else []
    files = [str(path) for path in requirement_files]
    command = [
        find_uv_bin(),
        "pip",
        "compile",
        "--quiet",
        "--no-header",
        "--no-annotate",
        "--system-certs",
        *where,
        *target,
        "-o",
        str(pinned),
        *files,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        reason = " ".join(line.strip(" ×╰─▶│") for line in result.stderr.splitlines() if line.strip())
        raise AgentError(f"the dependencies cannot be resolved for Python {version}: {reason}")


def _pip(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *args],
        capture_output=True,
        text=True,
        check=False,
    )


def _reason(stderr: str) -> str:
    errors = [line for line in stderr.splitlines() if line.startswith("ERROR")]
    return (errors or stderr.strip().splitlines() or ["pip said nothing"])[-1]
