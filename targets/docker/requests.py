"""What a Pulumi resource hands to the agent, as JSON on standard input: never in a command line, where secrets could be seen."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from targets.served import Served
from targets.serving import Serving


class Request(BaseModel):
    """Which site it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: str
    owner: str
    """Project and stack; a label on everything that is made, so that two stacks never share a site by accident."""
    stack: str = ""
    """Another stack of that site, which has instances of its own; '' for the owner itself."""


class BaseImageRequest(BaseModel):
    """An image to build on or to run, under a name of our own that stays once it is there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reference: str
    """What a registry calls it, such as ``python:3.13-slim``."""


class JoinRequest(Request):
    """Is the site there that this stack joins?"""

    services: tuple[str, ...]


class StorageRequest(Request):
    """Folders and modes in the site's fresh volumes."""

    services: tuple[str, ...]


class ServiceRequest(Request):
    """Wait until a data service takes connections."""

    service: str
    container: str
    """Docker's id: another container is waited for again."""


class ReleaseRequest(Request):
    """Build, fetch or find the image of a release."""

    release: str
    source: str | None = None
    ref: str | None = None
    digest: str | None = None
    """Of the source's files, as the program saw them: a source that changes meanwhile is not built under this id."""
    image: str | None = None
    dockerfile: str | None = None
    requirements: str | None = None
    packages: tuple[str, ...] = ()
    settings_module: str = ""
    migrations: tuple[str, ...] = ()
    base: str | None = None
    keep: int = 5


class EnvRequest(Request):
    """Write an env file."""

    env_id: str
    text: str


class CodeRequest(Request):
    """Common to everything that runs the project's code."""

    release: str
    image: str
    env_id: str
    secret_names: tuple[str, ...]
    """Variables whose values are struck out of any log that is shown."""
    settings_module: str
    services: tuple[str, ...]
    variables: dict[str, str]
    """Plain variables beside the env file: GATEWAY_RELEASE and so on."""


class TaskRequest(CodeRequest):
    """Run one release task in a container of its own."""

    task: Literal["check", "migrate", "collectstatic"]
    rules: dict[str, str | bool] = {}
    """For ``targets/common/schema.py``."""
    site: dict[str, Any] = {}
    """For ``targets/common/agreement.py``; what is in it does not change with the interface."""


class InstanceRequest(CodeRequest):
    """Start an instance and wait until it is healthy; stop it."""

    instance: str
    interface: str
    server: str
    argv: tuple[str, ...]
    host: str
    path: str
    timeout: int
    scheme: str = "http"
    """What the app is told of the probe's way: as browsers come."""
    drain_seconds: int


class ProxyRequest(Request):
    """Test and apply Nginx's configuration."""

    image: str
    configuration: str
    pages: dict[str, str] = {}
    """Path below the folder of pages -> text."""
    maintenance: str = "default 0;\n"
    """Who is shown the maintenance page, as ``geo`` reads it."""
    kept: str = ""
    """Hash of an earlier configuration, to be used instead."""
    tls: bool = False
    """Whether it names a certificate."""


class CertificateRequest(Request):
    """A certificate in its place: ``targets.certificate.CertificateSpec`` in plain words."""

    image: str
    """One with Python and openssl."""
    mode: Literal["self-signed", "files", "acme"]
    names: tuple[str, ...]
    chain: str = ""
    key: str = ""
    email: str = ""
    server: str = ""
    ca: str = ""


class CertificateImageRequest(Request):
    """The image that asks an ACME server for certificates."""

    base: str
    code: str
    """Hash of what is put into it."""


class IssueRequest(Request):
    """Ask the ACME server now."""

    container: str
    """Docker's id: another one asks again."""
    names: tuple[str, ...]
    server: str


class TrafficRequest(Request):
    """Move traffic to an instance."""

    serving: Serving
    host: str
    path: str
    proxy: str
    """Hash of Nginx's configuration: another one is proved by a request too, and is another thing to go back to."""
    source: str = ""
    rendered_from: str = ""
    watch_seconds: int = 0
    watch_errors: int = 5
    standby: bool = False
    back: bool = False


class TrafficResult(Serving):
    """What the switch prints, and the outputs of the stack are made of."""

    hosts: dict[str, dict[str, str]]
    """Per host: instance, container and socket."""
    previous: Serving | None
    served: tuple[Served, ...]
    """What serves now and what served before, newest first."""
