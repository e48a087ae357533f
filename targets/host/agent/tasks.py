"""Release tasks: the new code with the new env, as the site's user, as confined as the server will be."""

import json
from pathlib import Path

from targets.common import agreement, inside
from targets.common.causes import cause, redact, report
from targets.common.errors import AgentError
from targets.host.agent import code, system
from targets.host.agent.places import Places
from targets.host.agent.releases import OWN
from targets.host.agent.requests import TaskRequest

LIMITS = {"check": 120, "migrate": 3600, "collectstatic": 900, "complete": 900}
"""Seconds; a task that takes longer hangs."""


def task(request: TaskRequest) -> str:
    """Run ``check``, ``migrate`` or ``collectstatic``; a failure shows its last lines.

    ``complete``, for a kept release: what those leave on a host is made again where it is gone.
    """
    places = code.expect(request)
    if request.task == "complete" and all((places.facts / f"{request.release}.{one}").exists() for one in ("json", "manifest")):
        return "done"
    with system.lock(request.app, "task"):
        done = system.run(*command(request, places), timeout=LIMITS[request.task] + 30)
    log = redact(done.stdout + done.stderr, code.secrets(places, request.env_id, request.secret_names))
    failed = f"{request.task} of release {request.release} failed, nothing was switched"
    if done.returncode in (124, 143) or "Result: timeout" in done.stderr:
        raise AgentError(report(failed, log, f"it had not ended after {LIMITS[request.task]} seconds"))
    if "No space left on device" in log:
        raise AgentError(f"{failed}: {system.no_space(places.static)}")
    if done.returncode:
        raise AgentError(report(failed, log, _reason(log, request)))
    if request.task == "check":
        _check_files(places, request.release)
        return agreement.judge(log, request.site)
    return "done"


def command(request: TaskRequest, places: Places) -> list[str]:
    """The task's command line, in a unit of its own."""
    release = places.release(request.release)
    python = str(release / OWN / "venv/bin/python")
    launcher = inside.__file__
    schema = str(Path(launcher).with_name("schema.py"))
    facts, rules = str(places.facts), json.dumps(request.rules)
    run = {
        "check": [python, launcher, "check", facts, request.release],
        "migrate": [python, schema, facts, str(places.static), request.release, rules],
        "collectstatic": [python, launcher, "collect", str(places.static), facts, request.release],
        "complete": [python, schema, facts, str(places.static), request.release, rules],
    }[request.task]
    properties = [
        *request.properties,
        f"User={request.user}",
        f"Group={request.user}",
        f"WorkingDirectory={release}",
        f"EnvironmentFile={places.env_file(request.env_id)}",
        f"RuntimeMaxSec={LIMITS[request.task]}",
        "UMask=0002",
        f"ReadWritePaths={places.root}",  # one mount: what is collected is renamed into its place
        *code.binds(places, request.release, request.user),
    ]
    environment = {
        "DJANGO_SETTINGS_MODULE": request.settings_module,
        "GATEWAY_RELEASE": request.release,
        "PYTHONPATH": str(release),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return [
        "systemd-run",
        "--quiet",
        "--wait",
        "--pipe",
        "--collect",
        f"--unit={request.app}-task-{request.task}",
        *(f"--property={one}" for one in properties),
        *(f"--setenv={name}={value}" for name, value in environment.items()),
        *run,
    ]


def _reason(log: str, request: TaskRequest) -> str:
    """That the settings module itself is missing, since it is a mistake of the config; '' where the log has to tell."""
    found = cause(log)
    missing = f"No module named '{request.settings_module}'" in found
    return f"{found}; app.settings (or app.module) names a settings module that is not there" if missing else ""


def _check_files(places: Places, release: str) -> None:
    """A database inside the release would be lost with it: refused before it can happen."""
    facts = system.read_json(places.facts / f"{release}.json")
    inside = [path for path in facts.get("sqlite", []) if path.startswith(f"{places.releases}/")]
    if inside:
        raise AgentError(
            f"the database is the file {inside[0]} inside the release, and would be lost with it; way out: "
            f"pulumi config set --path gateway:env.DATABASE_URL sqlite:///{places.data}/db.sqlite3, and read it in the settings"
        )
