"""The project's dependencies as one requirements file, whichever way it names them."""

import re
import subprocess
from pathlib import Path

from uv import find_uv_bin

from targets.common.errors import AgentError


def text(app: Path, name: str) -> str:
    """Text of a requirements file for the project's dependencies, whichever way it names them (uv reads the other two)."""
    if name.endswith("uv.lock"):
        return _uv(app, "export", "--frozen", "--no-dev", "--no-emit-project", "--format", "requirements-txt")
    if name.endswith("pyproject.toml"):
        return _uv(app, "pip", "compile", "--quiet", "--no-header", "--universal", name)
    own = (app / name).read_text()

    def included(found: re.Match[str]) -> str:
        return text(app, str(Path(name).parent / found.group(1)))

    # `-r base.txt` is relative to a file that moves, so the included text takes its place.
    return re.sub(r"^\s*(?:-r|--requirement)[\s=]+(\S+)\s*$", included, own, flags=re.MULTILINE)


def _uv(app: Path, *args: str) -> str:
    result = subprocess.run([find_uv_bin(), *args], cwd=app, capture_output=True, text=True, check=False)
    if result.returncode:
        raise AgentError(f"uv cannot read the project's dependencies: {result.stderr.strip().splitlines()[-1]}")
    return result.stdout
