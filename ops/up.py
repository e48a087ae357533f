"""``make up``: what is needed is found or made, then one update, then a table of what serves."""

import secrets
import subprocess
import time
from collections.abc import Mapping
from typing import Any

import docker
from rich.console import Console
from rich.table import Table

from ops import docker_engine, preflight, recovery
from ops.cli import said
from ops.engines import Engine, UpdateFailed, open_stack
from ops.errors import BadConfig, Failed
from ops.hosts import expect_reachable
from ops.progress import Progress
from ops.workspace import ROOT
from settings import ConfigErrors, Settings, auto, load
from settings.checks import SECRET_KEY_NAMES
from settings.migrations import warning
from settings.plan import Plan, plan
from targets import choose
from targets.docker.site import base_references
from targets.observation import Observation
from targets.served import who


def up(stack_name: str, console: Console) -> None:
    """Bring the stack to what its config asks for. Raises ``Stop`` with the message and status of the contract."""
    begun = time.monotonic()
    stack = open_stack(stack_name, console)
    stack.open()
    planned = check_config(stack, console)
    observed = prepare(stack, planned, console)
    preflight.brief(planned, observed, f"gateway/{stack.name}", console)
    if lost := warning(planned.destructive, choose.serving_migrations(planned, f"gateway/{stack.name}", observed)):
        console.print(lost)
    outputs = update(stack, planned.settings, observed, console, message())
    end_rollback(stack, planned)
    console.print(
        table(outputs, time.monotonic() - begun, choose.standby(planned.settings, outputs.get("hosts", {})), stack.label)
    )


def prepare(stack: Engine, planned: Plan, console: Console) -> Observation:
    """What an update needs: engine or hosts, base images, nothing half done. Returns what is there. Raises ``Stop``."""
    client = reach(stack, planned.settings, console)
    recovery.clear_pending(stack, client, planned.settings.app.name, console)
    observed = check_target(stack, planned.settings)
    base_images(planned, client, console)
    return observed


def reach(stack: Engine, settings: Settings, console: Console) -> docker.DockerClient | None:
    """Engine or hosts answer, and nobody else is at work on the stack. Raises ``Stop``."""
    client = docker_engine.ensure(console) if settings.target == "docker" else None
    if client is None:
        expect_reachable(choose.connections(settings))
    recovery.release_stale_lock(stack, console)
    return client


def base_images(planned: Plan, client: docker.DockerClient | None, console: Console) -> None:
    """Those that the site is made from; hosts need none."""
    if client is not None:
        docker_engine.base_images(client, base_references(planned.release.python, planned.settings.services), console)


def check_config(stack: Engine, console: Console) -> Plan:
    """Settings and plan, with a secret key made where there is none. Raises ``BadConfig``."""
    config, encrypted = stack.config()
    try:
        if _make_secret_key(stack, config, console):
            config, encrypted = stack.config()
        settings = load(config, stack.name, encrypted)
        kept = choose.releases_for_plan(settings, f"gateway/{stack.name}", choose.observe(settings)) if settings.release else {}
        planned = plan(settings, kept, auto.remember(stack.outputs()) if settings.interface == "auto" else "")
    except ConfigErrors as error:
        raise BadConfig(str(error)) from None
    for note in (*planned.notes, *planned.warnings):
        console.print(note)
    return planned


def end_rollback(stack: Engine, planned: Plan) -> None:
    """What ``make rollback`` wrote goes out of the config file once it means nothing any more."""
    if planned.ended:
        stack.rewrite_config(removed=[f"gateway:{key}" for key in planned.ended])


def message() -> str:
    """Of the update, in Pulumi's history: the last commit's title, as Pulumi itself has it, and who runs it."""
    command = ["git", "log", "-1", "--format=%s"]
    title = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return f"{title or 'make up'} (by {who()})"


def _make_secret_key(stack: Engine, config: dict[str, Any], console: Console) -> bool:
    """A site without any key gets one of its own: a first deploy should not begin with homework."""
    known = f"{config.get('gateway:secrets', '')} {config.get('gateway:env', '')}"
    if any(name in known for name in SECRET_KEY_NAMES) or "gateway:app" not in config:
        return False
    stack.rewrite_config(secrets={"gateway:secrets.SECRET_KEY": secrets.token_urlsafe(48)})
    console.print(f"made a SECRET_KEY for stack {stack.name}: it is in Pulumi.{stack.name}.yaml, encrypted")
    return True


def check_target(stack: Engine, settings: Settings, seen: Observation | None = None) -> Observation:
    """What is there already; raises ``BadConfig`` when the site's name or port belongs to somebody else.

    ``seen``: what was there a moment ago. Where that is nothing, it is looked at again: an engine may have been started since.
    """
    observed = seen if seen and seen.owners else choose.observe(settings)
    try:
        choose.check(settings, f"gateway/{stack.name}", observed)
    except ConfigErrors as error:
        raise BadConfig(str(error)) from None
    return observed


def update(
    stack: Engine, settings: Settings, observed: Observation, console: Console, message: str | None = None
) -> dict[str, Any]:
    """One update; refreshed first when a container that Pulumi itself keeps has gone."""
    progress = Progress(console)
    kept = choose.kept_roles(settings)
    refresh = observed.refresh_due(kept)
    with console.status("updating"):
        try:
            outputs = stack.up(progress, refresh=refresh, message=message)
        except UpdateFailed as error:
            raise _failed(error, progress, observed) from None
    if not progress.changed:
        console.print("nothing to do: what serves is what the config asks for")
    return outputs


def _failed(error: UpdateFailed, progress: Progress, observed: Observation) -> Exception:
    if not progress.errors:
        return said(str(error))
    message, in_config = progress.failure()
    if in_config:
        return BadConfig(message)
    still = observe_again(observed)
    return Failed(f"{message}\n{still}")


def observe_again(before: Observation) -> str:
    """What serves after a failure, in words."""
    if before.serving is None:
        return "Nothing served before, and nothing does now."
    was = before.serving
    return f"Still serving: {was.interface} ({was.server}), release {was.release}, instance {was.instance}."


def table(outputs: Mapping[str, Any], seconds: float, standby: str = "", engine: str = "") -> Table:
    """URL, interface, server, release, instance, rollback point, standby, engine, time."""
    shown = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for key in ("url", "interface", "server", "release", "instance"):
        shown.add_row(key, str(outputs[key]) if key in outputs else "-")
    previous = outputs.get("previous")
    if previous:
        shown.add_row("rollback", "{interface} ({server}), release {release}, instance {instance}".format(**previous))
    if standby:
        shown.add_row("standby", standby)
    if engine:
        shown.add_row("engine", engine)
    shown.add_row("time", f"{seconds:.1f} s")
    return shown
