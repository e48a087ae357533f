"""What can be told before an update without asking the target: project, config, names."""

import socket
from concurrent.futures import ThreadPoolExecutor

from settings import Settings, migrations
from settings.plan import Plan
from targets.common.preflight import Result, failed, ok, warning
from targets.observation import Observation

HERE = "here"


def project(planned: Plan, observed: Observation) -> list[Result]:
    """What the project's files say, beside the config: quick, no network."""
    return [
        *_variables(planned),
        *_migrations(planned, observed),
    ]


def _variables(planned: Plan) -> list[Result]:
    """Whether the settings get every variable that they cannot do without."""
    mend = "pulumi config set [--secret] --path gateway:env|secrets.NAME"
    if planned.not_set:
        told = [f"{one.file}:{one.line} needs {one.name}, which is not set" for one in planned.not_set]
        return [failed(HERE, "variable", words, mend, "config") for words in told]
    return [ok(HERE, "variables", "the settings get all that they name without a default")]


def _migrations(planned: Plan, observed: Observation) -> list[Result]:
    """New migrations beside the release that serves, and their risk."""
    settings = planned.settings
    serving = observed.serving_migrations
    new = sorted(set(planned.release.migrations) - set(serving)) if serving else []
    lost = migrations.warning(planned.destructive, serving) if serving else ""
    if lost:
        told, _, mend = lost.partition(": first deploy")
        return [warning(HERE, "migrations", told, f"first deploy{mend}")]
    switch = observed.switch_to(settings.speaks)
    if new and switch and not settings.allow_migrations_on_switch:
        mend = "one after the other; or pulumi config set gateway:allowMigrationsOnSwitch true"
        return [failed(HERE, "migrations", f"{', '.join(new)} together with a switch {switch}", mend, "config")]
    if settings.release or settings.app.image:
        return []
    known = "nothing serves yet" if not observed.serving else "what the serving release has is not known here"
    return [ok(HERE, "migrations", (f"{len(new)} new: {', '.join(new)}" if new else "none new") if serving else known)]


def names(settings: Settings) -> list[Result]:
    """DNS of the domains. Only a warning: a name may be set later, or somewhere else."""
    public = [name for name in settings.domains if "." in name and not name.endswith(".localhost")]
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(_resolve, public))
    lost = [name for name, address in zip(public, found, strict=True) if not address]
    if lost:
        told = f"{', '.join(lost)} cannot be resolved here"
        return [warning(HERE, "names", told, "set their DNS records, or correct domains")]
    told = ", ".join(f"{name} is {address}" for name, address in zip(public, found, strict=True))
    return [ok(HERE, "names", told or "no public name")]


def _resolve(name: str) -> str:
    try:
        return str(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError):
        return ""


def certificate(settings: Settings) -> list[Result]:
    """Life of the certificate that each place serves. Nothing while TLS ends at a proxy in front."""
    if not settings.tls.on:
        return []
    from ops.certificates import look  # here: reading certificates takes a while to load, and an update need not

    places = [(host.address, host.address) for host in settings.hosts] or [("docker", settings.listen_address)]
    mine = {"local": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
    port = settings.tls_port
    return [look(place, mine.get(address, address), port, settings.domains[0]) for place, address in places]
