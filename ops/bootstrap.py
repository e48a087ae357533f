"""Prepares ``.venv`` with the locked dependencies. Standard library only: it runs before anything is installed.

    python3 ops/bootstrap.py

Exit status 0 when the environment is ready, 3 with one line on how to get what is missing.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "gateway-lock.sha256"


def main() -> None:
    """Make the environment, or leave it alone when it has what the lock file says."""
    if sys.version_info < (3, 10):  # noqa: UP036 - this file is run by whatever python3 there is
        stop("Python 3.10 or newer is needed, this one is {}.{}; way out: install a newer python3".format(*sys.version_info))
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    print("preparing .venv with the locked dependencies (once)", flush=True)
    python = str(VENV / "bin" / "python")
    if (
        not Path(python).exists()
        or subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode
    ):
        make_venv()
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(LOCK)]
    if subprocess.run(command, check=False).returncode:
        stop("the dependencies in requirements.lock cannot be installed (see above); way out: make the package index reachable")
    STAMP.write_text(wanted)


def make_venv() -> None:
    """``python3 -m venv``; Debian and Ubuntu have it in a package of its own, which root can install here."""
    if _venv():
        return
    if not (os.geteuid() == 0 and shutil.which("apt-get")):
        stop("python3 -m venv does not work here; way out: apt install python3-venv, then run this again")
    if sys.stdin.isatty() and input("python3-venv is missing. Install it with apt-get now? [Y/n] ").strip().lower() in (
        "n",
        "no",
    ):
        stop("python3-venv is missing; way out: apt install python3-venv, then run this again")
    print("installing python3-venv", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "python3-venv"]):
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
    if not _venv():
        stop("python3-venv cannot be installed; way out: make the package mirror reachable, or install it by hand")


def _venv() -> bool:
    shutil.rmtree(VENV, ignore_errors=True)
    return subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, check=False).returncode == 0


def stop(message: str) -> NoReturn:
    """One line, and the status that says that something is missing."""
    print(message, file=sys.stderr)
    sys.exit(3)


if __name__ == "__main__":
    main()
