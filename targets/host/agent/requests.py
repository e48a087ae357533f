"""What a step hands to the agent, as one line of JSON on standard input: never in a command line, where others could read it."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, TypeVar

from targets.common.errors import AgentError

R = TypeVar("R", bound="Request")


@dataclass(frozen=True, kw_only=True)
class Request:
    """Which site it is about."""

    app: str
    owner: str
    """Project and stack; two stacks never share a site by accident."""

    def json(self) -> str:
        """One line."""
        return json.dumps(dataclasses.asdict(self))


@dataclass(frozen=True, kw_only=True)
class PrepareRequest(Request):
    """User, folders and packages of a site."""

    user: str
    metrics_service: str = ""
    """Texts of the units that write the site's figures, '' for none; and the folder that they write to."""
    metrics_timer: str = ""
    metrics_folder: str = ""


@dataclass(frozen=True, kw_only=True)
class JoinRequest(Request):
    """Share the site of ``owner``."""

    stack: str


@dataclass(frozen=True, kw_only=True)
class EnvRequest(Request):
    """Write an env file."""

    env_id: str
    text: str


@dataclass(frozen=True, kw_only=True)
class VenvRequest(Request):
    """Dependencies, shared by the releases that have the same ones."""

    venv: str
    """Hash of the two texts and the Python asked for."""
    requirements: str
    servers: str
    python: str
    """Version that the project asks for, such as ``3.13``; empty for the host's own."""


@dataclass(frozen=True, kw_only=True)
class ReleaseRequest(Request):
    """Code of a release. Without ``venv`` only whether it is kept is asked. The rest is noted with it, for a rollback."""

    release: str
    venv: str = ""
    keep: int = 5
    settings_module: str = ""
    migrations: tuple[str, ...] = ()
    requirements: str = ""
    """Text of the requirements that the environment was made of."""
    packages: str = ""
    """Likewise of the servers'."""
    python: str = ""


@dataclass(frozen=True, kw_only=True)
class CodeRequest(Request):
    """Common to everything that runs the project's code."""

    user: str
    release: str
    env_id: str
    secret_names: tuple[str, ...]
    """Variables whose values are struck out of any log that is shown."""
    settings_module: str


@dataclass(frozen=True, kw_only=True)
class TaskRequest(CodeRequest):
    """Run one release task."""

    task: str
    properties: tuple[str, ...]
    """Hardening, as ``Name=value`` of systemd: a task may no more than the server."""
    rules: dict[str, str | bool] = field(default_factory=dict)
    """For ``targets/common/schema.py``."""
    site: dict[str, Any] = field(default_factory=dict)
    """For ``targets/common/agreement.py``; what is in it does not change with the interface."""


@dataclass(frozen=True, kw_only=True)
class InstanceRequest(CodeRequest):
    """Start an instance and wait until it is healthy; drain and stop it."""

    stack: str = ""
    """Whose instance it is, where that is not the site's owner."""
    instance: str
    interface: str
    server: str
    service: str
    """Text of the .service."""
    socket: str
    """Text of the .socket."""
    again: str
    """Text of the unit that gives an instance that failed too often another chance."""
    entry: str
    """Folder of ``gateway_entry.py`` below ``entries``."""
    port: int
    """TCP port of the instance on 127.0.0.1 in the plain form; 0 for a unix socket."""
    host: str
    path: str
    timeout: int
    scheme: str = "http"
    """What the app is told of the probe's way: as browsers come."""
    drain_seconds: int
    upstream_seconds: int
    """How long Nginx may keep a connection to the app server."""
    stop_seconds: int


@dataclass(frozen=True, kw_only=True)
class ProxyRequest(Request):
    """Test and apply Nginx's site."""

    site: str
    default: str
    """Site that refuses names nobody serves; shared by all sites of the port."""
    address: str
    port: int
    host: str
    pages: dict[str, str] = field(default_factory=dict)
    """Path below the folder of pages -> text."""
    maintenance: str = "default 0;\n"
    """Who is shown the maintenance page, as ``geo`` reads it."""
    kept: str = ""
    """Id of an earlier site to use as it was, instead of ``site``."""
    tls_port: int = 0
    """0 where TLS ends elsewhere."""
    tls_default: str = ""
    """As ``default``, for the port with TLS."""


@dataclass(frozen=True, kw_only=True)
class CertificateRequest(Request):
    """A certificate in its place: ``targets.certificate.CertificateSpec`` in plain words."""

    mode: str
    names: tuple[str, ...]
    chain: str = ""
    key: str = field(default="", repr=False)
    email: str = ""
    server: str = ""
    ca: str = ""
    address: str = ""
    port: int = 0
    """Where Nginx shows it."""


@dataclass(frozen=True, kw_only=True)
class IssueRequest(Request):
    """Ask the ACME server now, and from now on by a timer."""

    names: tuple[str, ...]
    server: str
    address: str
    port: int
    service: str
    """Text of the unit that renews."""
    timer: str


@dataclass(frozen=True, kw_only=True)
class TrafficRequest(Request):
    """Move traffic to an instance."""

    stack: str = ""
    """As for the instance."""
    instance: str
    interface: str
    server: str
    release: str
    host: str
    path: str
    address: str
    port: int
    watch_seconds: int = 0
    """How long after the switch errors bring the old instance back."""
    watch_errors: int = 5
    """Percent of answers that may be 5xx meanwhile."""
    standby: bool = False
    """Whether the previous instance is kept running."""

    @property
    def mine(self) -> str:
        """The stack that asks."""
        return self.stack or self.owner


@dataclass(frozen=True, kw_only=True)
class WatchRequest(TrafficRequest):
    """See how the site does after the switch."""

    mark: dict[str, int]
    """What the switch noted before it."""


@dataclass(frozen=True, kw_only=True)
class FinishRequest(TrafficRequest):
    """Who stays once all hosts have been switched."""

    before: str
    """The instance that had the traffic."""


@dataclass(frozen=True, kw_only=True)
class SchemaRequest(Request):
    """Does the instance's code know the database's schema?"""

    instance: str
    properties: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LookRequest(Request):
    """What is there, and how it does? Nothing is touched."""

    instance: str
    """The one that serves by the stack's state, '' where it has none."""
    proxy: str
    """Hash of Nginx's site, likewise."""
    window: float = 300
    """Seconds of the access log."""
    every: float = 0
    """Seconds between looks that are told one after the other, a line each; 0 for one look."""


@dataclass(frozen=True, kw_only=True)
class AroundRequest(Request):
    """What was answered around some moments?"""

    moments: tuple[float, ...]
    """Seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class DiagnoseRequest(Request):
    """What is wrong with the site now?"""

    host: str
    path: str
    address: str
    port: int
    minutes: int
    """How far back logs are read."""
    scheme: str = "http"
    """What the instance is told of, as Nginx does."""
    secret_names: tuple[str, ...] = ()


def parse(kind: type[R], text: str) -> R:
    """The request in JSON. Raises where caller and agent do not fit together."""
    try:
        values: dict[str, Any] = json.loads(text)
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return kind(**{**values, **lists})
    except (ValueError, TypeError) as error:
        raise AgentError(f"this request is not for this agent ({error})") from None
