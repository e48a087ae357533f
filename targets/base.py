"""What a component asks of a target: the component owns the "what", the target owns the "how".

A new platform is one new folder beside this file that has these methods; no component changes for it. Each method makes
children of ``parent`` and returns what the next step needs. Order is in the arguments (Outputs) and in ``after``, never in the
order of calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:  # what is asked is also read by commands that do without Pulumi's third of a second
    import pulumi

    from rendering.nginx import ProxySpec
    from targets.certificate import CertificateSpec

Task = Literal["check", "migrate", "collectstatic"]


@dataclass(frozen=True, kw_only=True)
class ReleaseSpec:
    """Code and dependencies, named by their content."""

    release: str
    """10 hex digits."""
    source: str | None = None
    """A directory or a git URL; None for a prebuilt image or a kept release."""
    ref: str | None = None
    digest: str | None = None
    image: str | None = None
    """A prebuilt image by digest or id."""
    dockerfile: str | None = None
    requirements: str | None = None
    packages: tuple[str, ...] = ()
    """Server packages that the release gets beside its own requirements."""
    python: str = ""
    """Version the project asks for, such as ``3.13``; empty for the default."""
    keep: int = 5
    settings_module: str = ""
    """The settings module that its manage.py names, kept with the release so that it can be served without its source."""
    migrations: tuple[str, ...] = ()
    """``app.0001_name`` of each migration in the source."""

    @property
    def kept(self) -> bool:
        """Whether it is only to be found on the target, not to be made."""
        return self.source is None and self.image is None


@dataclass(frozen=True, kw_only=True)
class CodeSpec:
    """What anything that runs the project's code needs."""

    release: str
    env_id: str
    secret_names: tuple[str, ...]
    settings_module: str


@dataclass(frozen=True, kw_only=True)
class TaskSpec(CodeSpec):
    """A release task, and what guards the schema."""

    switch: str = ""
    """``wsgi -> asgi`` where a migration must not come with it; else ''."""
    newer_schema: bool = False
    """Whether code may start that does not know migrations which were applied since it served."""
    site: Mapping[str, Any] = field(default_factory=dict)
    """What the project's settings have to agree with, for ``targets/common/agreement.py``."""
    kept: bool = False
    """Whether the release was deployed before: its checks were made and its static files are there."""
    observed: str = ""
    """Why what it made is not as it should be, when that was seen; makes the engine run it again."""

    @property
    def rules(self) -> dict[str, str | bool]:
        """For ``targets/common/schema.py``."""
        return {"switch": self.switch, "newer": self.newer_schema, "kept": self.kept}


@dataclass(frozen=True, kw_only=True)
class InstanceSpec(CodeSpec):
    """One immutable running server."""

    instance: str
    interface: str
    server: str
    argv: tuple[str, ...]
    health_host: str
    health_path: str = "/health/"
    health_timeout: int = 30
    """Seconds until a new instance must answer 200."""
    scheme: str = "http"
    """``https`` where TLS is on: the probe over the instance's own socket is to look like a browser's request."""
    drain_seconds: int = 30
    observed: str = ""
    """Why the instance is not as it should be, when that was seen; makes the engine run the start again."""


@dataclass(frozen=True, kw_only=True)
class TrafficSpec:
    """Which instance takes traffic, and how that is proved."""

    instance: str
    interface: str
    server: str
    release: str
    health_host: str
    health_path: str = "/health/"
    observed: str = ""
    source: str = ""
    """First 10 hex digits of the digest of the release's files; '' for a kept release or a ready image."""
    rendered_from: str = ""
    """What the proxy's configuration was rendered from; '' for a kept one."""
    watch_seconds: int = 0
    """How long after the switch errors bring the old instance back."""
    watch_errors: int = 5
    """Percent of answers that may be 5xx meanwhile."""
    standby: bool = False
    """Whether the previous instance is kept running."""
    back: bool = False
    """Whether this is a way back: what served before does not become the rollback point."""


class Target(Protocol):
    """A platform that sites are served on."""

    revision: str
    """Hash of what the target itself brings into an instance: a newer gateway may be another instance."""
    live_socket: str
    """Where Nginx finds the link to the serving instance's socket."""
    static_root: str
    media_root: str
    pages_root: str
    """Where Nginx finds error pages, in a folder for each version of them."""
    maintenance_file: str
    """Where Nginx finds who is shown the maintenance page."""
    tls_root: str
    """Where Nginx finds certificates and the answers to an ACME server."""

    def release(self, name: str, spec: ReleaseSpec, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Make the release and return what code is run from: an image id, a folder."""
        ...

    def env_file(
        self, name: str, env_id: str, text: pulumi.Output[str], parent: pulumi.Resource, observed: str = ""
    ) -> pulumi.Output[str]:
        """Write the env file; returns its id once it is there."""
        ...

    def task(
        self,
        name: str,
        task: str,
        code: pulumi.Input[str],
        spec: TaskSpec,
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        """Run ``check``, ``migrate`` or ``collectstatic`` once."""
        ...

    def told(self, step: pulumi.Resource) -> pulumi.Output[str]:
        """The line that a task printed."""
        ...

    def instance(
        self,
        name: str,
        code: pulumi.Input[str],
        spec: InstanceSpec,
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        """Start the instance and prove it healthy."""
        ...

    def certificate(self, name: str, spec: CertificateSpec, address: str, port: int, parent: pulumi.Resource) -> pulumi.Resource:
        """A certificate in its place, before Nginx needs it; a running Nginx at ``address`` and ``port`` takes it over."""
        ...

    def issue(
        self,
        name: str,
        spec: CertificateSpec,
        address: str,
        port: int,
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource],
        observed: str = "",
    ) -> pulumi.Output[str]:
        """Ask the ACME server, now and before the certificate ends; the Output tells in words what serves.

        ``observed``: what is wrong with the one that is shown, if that was seen; makes the engine ask again.
        """
        ...

    def proxy(
        self,
        name: str,
        spec: ProxySpec,
        publish: tuple[str, int],
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource] = (),
        observed: str = "",
    ) -> pulumi.Resource:
        """Nginx with this configuration, reachable at ``publish`` (address, port) and with TLS at ``spec.public``."""
        ...

    def traffic(
        self, name: str, spec: TrafficSpec, parent: pulumi.Resource, after: Sequence[pulumi.Resource]
    ) -> pulumi.Output[Mapping[str, object]]:
        """Move traffic; the Output tells what serves: the fields of ``Serving``, ``hosts``, ``previous``, ``served``."""
        ...
