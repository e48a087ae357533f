"""``python -m ops check``: do the project's settings agree with how the stack serves it? Asked before anything is built."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from uv import find_uv_bin

from ops.engines import open_stack
from ops.errors import Failed, Missing
from ops.up import check_config
from settings.agreement import site_of
from settings.checks import DEV_STACK
from settings.plan import Plan
from settings.source import open_source
from targets.common import requirements
from targets.common.agreement import disagreements
from targets.common.errors import AgentError

FACTS = Path(requirements.__file__).with_name("settings_facts.py")
SECONDS = 600
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
"""What a settings module gets of this process's own variables."""


def check(stack_name: str, console: Console) -> None:
    """Print what does not agree, with the line to write. Raises ``Failed`` where that would break the site."""
    stack = open_stack(stack_name, console)
    stack.open()
    planned = check_config(stack, console)
    found = disagreements(_facts(planned), site_of(planned.settings, stack.name == DEV_STACK))
    for one in found:
        console.print(f"{'error' if one.error else 'warning'}: {one}", markup=False)
    if any(one.error for one in found):
        raise Failed("the project's settings would break the site; nothing was touched")
    console.print("nothing breaks the site" if found else "settings and config agree")


def _facts(planned: Plan) -> dict[str, Any]:
    """The settings with the env that an update would give them."""
    app, file = planned.settings.app, planned.project.requirements
    if not app.source or not file:
        way_out = "name its requirements file in app.requirements"
        raise Missing(f"the project's settings cannot be read here without its dependencies; way out: {way_out}, or run make up")
    root = open_source(app.source, app.ref).root.resolve()
    try:
        wanted = requirements.text(root, file)
    except AgentError as error:
        raise Missing(f"{error}; way out: make the package index reachable") from None
    interface = planned.settings.speaks
    known = {"DJANGO_SETTINGS_MODULE": planned.project.settings_module, "GATEWAY_INTERFACE": interface}
    return facts(root, wanted, {**planned.env, **planned.secrets, **known})


def facts(root: Path, wanted: str, env: Mapping[str, str]) -> dict[str, Any]:
    """What the settings module in ``root`` says with these dependencies and variables. Raises ``Missing`` or ``Failed``."""
    with tempfile.TemporaryDirectory(prefix="gateway-check-") as folder:
        file = Path(folder, "requirements.txt")
        file.write_text(wanted)
        command = [*python_with("--with-requirements", str(file)), str(FACTS)]
        # What this very process was given (a virtual environment, a stack's passphrase) is not the project's.
        kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(("UV_", "PIP_", "SSL_"))}
        done = subprocess.run(
            command, cwd=root, env={**kept, **env}, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    words = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    if done.returncode == 0:
        return dict(json.loads(done.stdout.splitlines()[-1]))
    if "Traceback" in done.stderr:
        raise Failed(f"the project's settings cannot be read: {words[-1]}")
    raise Missing(f"the project's dependencies cannot be had: {words[-1] if words else done.returncode}")


def python_with(*wanted: str) -> list[str]:
    """Command line of a Python with other packages: ``wanted`` are options of ``uv run``, such as ``--with``, a name."""
    options = ("--no-project", "--quiet", "--system-certs", "--python", sys.executable)
    return [find_uv_bin(), "run", *options, *wanted, "python"]
