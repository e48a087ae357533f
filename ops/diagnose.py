"""``make diagnose``: what is wrong with the site now, each in one sentence, with the line that shows it and the way out."""

import json
from dataclasses import dataclass

from rich.console import Console

from ops.engines import Engine, open_stack
from ops.errors import BadConfig, Failed, Missing
from ops.hosts import expect_reachable
from settings import ConfigErrors, Settings, load
from targets import choose
from targets.common.diagnosis import Finding
from targets.common.errors import AgentError
from targets.common.site_facts import findings, summary
from targets.host.client.hosts import Host, each

MINUTES = 10


@dataclass(frozen=True)
class Diagnosis:
    """Of one place: the engine, or a host."""

    place: str
    summary: str
    findings: tuple[Finding, ...]


def diagnose(stack_name: str, console: Console, *, minutes: int = MINUTES) -> None:
    """Print what is wrong. Raises ``Failed`` (status 1) when something is, ``Missing`` (3) when a place cannot be asked."""
    stack = open_stack(stack_name, console)
    stack.open()
    settings = settings_of(stack)
    told, unreachable = look(settings, f"gateway/{stack.name}", minutes)
    for one in told:
        console.print(text(one), markup=False)
    count = sum(len(one.findings) for one in told)
    if unreachable:
        raise Missing("\n".join(unreachable))
    if count:
        raise Failed(f"{count} finding{'s' if count > 1 else ''} (logs of the last {span(minutes)})")
    console.print(f"all is well (logs of the last {span(minutes)})")


def settings_of(stack: Engine) -> Settings:
    """What the stack's config says; nothing is made or changed for it. Raises ``BadConfig``."""
    try:
        return load(*_config(stack))
    except ConfigErrors as error:
        raise BadConfig(str(error)) from None


def _config(stack: Engine) -> tuple[dict[str, object], str, frozenset[str]]:
    config, encrypted = stack.config()
    return config, stack.name, encrypted


def look(settings: Settings, owner: str, minutes: int) -> tuple[list[Diagnosis], list[str]]:
    """Diagnoses of all places that could be asked, and why others could not."""
    if settings.target == "host":
        return _hosts(settings, owner, minutes)
    from targets.docker.diagnose import look as look_at_engine

    services = [name for name, options in settings.services if options is not None]
    secrets = [value.get_secret_value() for value in settings.secrets.values()]
    asked = (settings.domains[0], settings.health.path, _scheme(settings))
    front = f"{'127.0.0.1' if settings.listen_address in ('0.0.0.0', '::') else settings.listen_address}:{settings.port}"
    try:
        facts = look_at_engine(settings.app.name, services, asked, front, minutes, secrets)
    except AgentError as error:
        return [], [str(error)]
    return [Diagnosis(settings.app.name, summary(facts), tuple(findings(facts)))], []


def _scheme(settings: Settings) -> str:
    """What Nginx tells the instance of, so that it does not redirect."""
    return "https" if settings.tls.on else "http"


def _hosts(settings: Settings, owner: str, minutes: int) -> tuple[list[Diagnosis], list[str]]:
    request = {
        "app": settings.app.name,
        "owner": owner,
        "host": settings.domains[0],
        "path": settings.health.path,
        "scheme": _scheme(settings),
        "address": settings.listen_address,
        "port": settings.port,
        "minutes": minutes,
        "secret_names": list(settings.secrets),
    }

    def ask(host: Host) -> Diagnosis:
        expect_reachable([host.connection])
        told = json.loads(host.agent("diagnose", json.dumps(request)))
        return Diagnosis(host.name, told["summary"], tuple(Finding(**one) for one in told["findings"]))

    def safely(host: Host) -> Diagnosis | AgentError:
        try:
            return ask(host)
        except Missing as error:
            return AgentError(str(error))

    results = each([Host(one) for one in choose.connections(settings)], safely)
    told = [result for result in results if isinstance(result, Diagnosis)]
    return told, [str(result) for result in results if isinstance(result, AgentError)]


def text(diagnosis: Diagnosis) -> str:
    """For people: a line of the place, then three for each finding."""
    lines = [f"{diagnosis.place}: {diagnosis.summary}"]
    for number, one in enumerate(diagnosis.findings, 1):
        where = f"{one.where}: " if one.where else ""
        lines += [f"  {number}. {one.sentence}", f"     seen:    {where}{one.evidence}", f"     way out: {one.fix}"]
    return "\n".join(lines)


def span(minutes: int) -> str:
    """``1 minute``, ``10 minutes``."""
    return f"{minutes} minute{'s' if minutes > 1 else ''}"
