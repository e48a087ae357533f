"""``make preflight``: is all there that an update needs? Asked of everything at once, shown as one table; nothing is touched."""

import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import Any

from rich.console import Console
from rich.table import Table

from ops import preflight_here as here
from ops.engines import Engine, open_stack
from ops.errors import BadConfig, Missing
from settings import ConfigErrors, Settings, auto, load, migrations
from settings.checks import SECRET_KEY_NAMES
from settings.peers import peers
from settings.plan import Plan, plan
from targets import choose
from targets.common.preflight import Result, failed, ok, warning, worst
from targets.observation import Observation

SECONDS = 30
"""A check that has not ended by then is told as such."""
Job = tuple[str, str, Callable[[], list[Result]]]
"""Where, what, and the question."""


def preflight(stack_name: str, console: Console) -> None:
    """Print the table. Raises ``BadConfig`` (status 2) or ``Missing`` (3) when an update would fail."""
    stack = open_stack(stack_name, console)
    stack.open()
    planned, first = _read(stack)
    observed = choose.observe(planned.settings)
    results = [*first, ok(here.HERE, "engine", stack.label), *look(planned, f"gateway/{stack.name}", observed)]
    console.print(table(results))
    bad = [one for one in results if one.status == "failed"]
    if bad:
        words = "\n".join(f"{one.place}: {one.what}: {one.told}; way out: {one.way_out}" for one in bad)
        raise (BadConfig if worst(results) == 2 else Missing)(words)
    count = sum(one.status == "warning" for one in results)
    console.print(f"an update can begin{f'; {count} warnings' if count else ''}; nothing was touched")


def _read(stack: Engine) -> tuple[Plan, list[Result]]:
    """The plan as an update would read them; a secret key that it would make is only told."""
    config, encrypted = stack.config()
    results = []
    known = f"{config.get('gateway:secrets', '')} {config.get('gateway:env', '')}"
    if not any(name in known for name in SECRET_KEY_NAMES):
        results.append(ok(here.HERE, "secret key", "none yet: make up makes one"))
        given = config.get("gateway:secrets") or "{}"
        values = json.loads(given) if isinstance(given, str) else given
        config["gateway:secrets"] = json.dumps({**values, "SECRET_KEY": secrets.token_urlsafe(48)})
        encrypted |= {"gateway:secrets"}
    try:
        settings = load(config, stack.name, encrypted)
        kept = choose.observe(settings).releases if settings.release else {}
        planned = plan(settings, kept, auto.remember(stack.outputs()) if settings.interface == "auto" else "")
    except ConfigErrors as error:
        raise BadConfig(str(error)) from None
    return planned, [ok(here.HERE, "config", "every key is understood"), *results]


def look(planned: Plan, owner: str, observed: Observation) -> list[Result]:
    """Everything at once: what is here, and the target."""
    settings = planned.settings
    jobs: list[Job] = [
        (here.HERE, "names", lambda: here.names(settings)),
        (here.HERE, "certificate", lambda: here.certificate(settings)),
        *_target(settings, planned, owner, observed),
    ]
    return [*here.project(planned, observed), *_together(jobs)]


def _together(jobs: Sequence[Job]) -> list[Result]:
    """All at the same time; one that takes too long is told as such."""
    results: list[Result] = []
    pool = ThreadPoolExecutor(max_workers=16)
    begun = [(place, what, pool.submit(job)) for place, what, job in jobs]
    for place, what, future in begun:
        try:
            results += future.result(timeout=SECONDS)
        except TooLate:
            results.append(failed(place, what, f"no answer in {SECONDS} seconds", "look after it, then run this again"))
    pool.shutdown(wait=False, cancel_futures=True)
    return results


def _target(settings: Settings, planned: Plan, owner: str, observed: Observation) -> list[Job]:
    env = {**planned.env, **planned.secrets}
    if settings.target == "docker":
        return [("docker", "engine", lambda: _docker(settings, owner, observed, env))]
    from targets.host import preflight as on_host
    from targets.host.client.hosts import Host

    text = on_host.program(settings.app.name, settings.port, peers(env))
    workers = settings.effective_workers

    def job(host: Host) -> Callable[[], list[Result]]:
        return lambda: _host(host, text, workers, choose.first_stack(settings, owner), planned)

    return [(host.name, "login", job(host)) for host in map(Host, choose.connections(settings))]


def _host(host: Any, text: bytes, workers: int, owner: str, planned: Plan) -> list[Result]:
    from targets.host import preflight as on_host

    results, seen = on_host.look(host, text, workers, owner)
    new = sorted(on_host.pending(host.name, planned.release.migrations, seen.get("migrations", ())))
    if lost := migrations.warning({name: planned.destructive[name] for name in new if name in planned.destructive}, ()):
        told, _, mend = lost.partition(": first deploy")
        return [*results, warning(host.name, "migrations", told, f"first deploy{mend}")]
    return [*results, *([ok(host.name, "migrations", f"{len(new)} new: {', '.join(new)}")] if new else [])]


def _docker(settings: Settings, owner: str, observed: Observation, env: dict[str, str]) -> list[Result]:
    from targets.docker import looking
    from targets.host.preflight import peers as as_results

    services = [name for name, options in settings.services if options is not None]
    results = looking.look(settings.app.name, observed, settings.effective_workers, services)
    try:
        choose.check(settings, owner, observed)
        results.append(ok("docker", "name and port", f"{settings.app.name} and {settings.port} are free or ours"))
    except ConfigErrors as error:
        results += [failed("docker", one.key, f"got {one.got}", f"takes {one.takes}", "config") for one in error.errors]
    elsewhere = {name: peer for name, peer in peers(env).items() if not _own(peer)}
    inside = [name for name, peer in elsewhere.items() if peer[0] in ("localhost", "127.0.0.1", "::1")]
    for name in inside:
        told = f"{elsewhere.pop(name)[0]} is the container itself, not this machine"
        results.append(
            failed("docker", name, told, "services.postgres or services.redis, or an address of that server", "config")
        )
    return [*results, *as_results("docker", looking.reach(settings.app.name, observed.live, elsewhere))]


def _own(peer: Sequence[str]) -> bool:
    """Whether it is a data service of the site: those are looked at as containers."""
    return len(peer) == 1


def table(results: Iterable[Result]) -> Table:
    """Where, what, how it stands, what was seen and what to do."""
    shown = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    marks = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "failed": "[red]failed[/]"}
    for one in results:
        told = one.told if one.status == "ok" else f"{one.told}; way out: {one.way_out}"
        shown.add_row(one.place, one.what, marks[one.status], told.replace("[", "\\["))
    return shown


def brief(planned: Plan, observed: Observation, owner: str, console: Console) -> None:
    """At the start of ``make up``: failures and warnings alone, and only what costs next to nothing.

    Hosts are asked when there is a new release to bring: the login is the one that the update then uses.
    """
    settings = planned.settings
    results = here.project(planned, observed)
    # Hosts that nobody could ask over HTTP are left alone: an update with nothing to do must not log in.
    first = bool(getattr(observed, "instances", True))
    due = observed.serving.release != planned.release.release if observed.serving else first
    if settings.target == "docker":
        from targets.docker.looking import local_disk

        results += local_disk("/var/lib/docker") if due else []
    elif due:
        results += _together(_target(settings, planned, owner, observed))
    for one in results:
        if one.status != "ok" and one.what != "migrations":
            console.print(f"preflight: {one.place}: {one.what}: {one.told}; way out: {one.way_out}", markup=False)
