"""The contract with users: every key of the ``gateway:`` namespace, its type, default and meaning.

A field's ``description`` is what the key takes; it is shown in error messages and in ``Pulumi.yaml`` (a test compares the two).
"""

from typing import Literal

from pydantic import Field

from settings.sections import App, Health, Host, Limits, Memory, Rollback, Services, Timeouts, Tls
from settings.values import Domain, Model, Network, PlainText, Port, SecretText, VariableName

Interface = Literal["wsgi", "asgi"]
Server = Literal["gunicorn", "uvicorn", "gunicorn-uvicorn", "gunicorn-asgi", "daphne", "hypercorn"]

SERVERS: dict[Interface, tuple[Server, ...]] = {
    "wsgi": ("gunicorn",),
    "asgi": ("uvicorn", "gunicorn-uvicorn", "gunicorn-asgi", "daphne", "hypercorn"),
}
"""The servers that speak each interface; the first one is the default."""


class Settings(Model):
    """One site on one target, as the stack's config asks for it."""

    app: App = Field(description="the Django project: name, source, ref, image, module, settings, requirements, ...")
    interface: Literal["wsgi", "asgi", "auto"] = Field(
        "wsgi", description="wsgi or asgi, or auto (the advisor decides and says why)"
    )
    server: Server | None = Field(
        None, description="wsgi: gunicorn; asgi: uvicorn, gunicorn-uvicorn, gunicorn-asgi, daphne, hypercorn"
    )
    workers: int | None = Field(None, ge=1, le=256, description="server processes, 1 to 256 (default 3; daphne has 1)")
    threads: int | None = Field(None, ge=1, le=256, description="threads of a gunicorn WSGI worker, 1 to 256 (default 4)")
    server_options: dict[str, PlainText] = Field({}, description="a map of further server flags, without the dashes")
    target: Literal["docker", "host"] = Field("docker", description="docker, or host (Linux with systemd, over SSH or local)")
    hosts: tuple[Host, ...] = Field((), description="a list of hosts: address, port, user, privateKey, keyFile, hostKey, proxy")
    rolling: int = Field(1, ge=1, le=100, description="how many hosts are switched at once, 1 to 100")
    serving: Literal["socket", "tcp"] = Field(
        "socket", description="on hosts: socket (own user, unix sockets) or tcp (www-data, a port on 127.0.0.1)"
    )
    memory: Memory = Field(Memory(), description="on hosts: limits of an instance, high and max")
    metrics: bool = Field(False, description="on hosts: true: each writes the site's figures for node_exporter")
    domains: tuple[Domain, ...] = Field(
        ("localhost",), min_length=1, description="a list of lower-case host names, without scheme or port"
    )
    http_port: Port | None = Field(None, description="a TCP port, 1 to 65535 (default 8080 on docker, 80 on host)")
    https_port: Port | None = Field(None, description="a TCP port, 1 to 65535 (default 8443 on docker, 443 on host)")
    redirects: tuple[Domain, ...] = Field((), description="a list of host names that are redirected to the first of domains")
    listen_address: str = Field("0.0.0.0", pattern=r"^[0-9a-fA-F.:]+$", description="the address that the port is published on")
    tls: Tls = Field(
        Tls(), description="mode (off, self-signed, files, acme), certificate, key, hstsSeconds, email, acmeServer, ..."
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (), description="networks of a proxy in front (such as 10.0.0.0/8) whose X-Forwarded-For and -Proto are believed"
    )
    limits: Limits = Field(Limits(), description="per client address: requestsPerSecond, burst, connections, login")
    timeouts: Timeouts = Field(Timeouts(), description="seconds: request (of the project), header, body, send (of a client)")
    error_pages: str | None = Field(
        None, min_length=1, description="a folder of the source with 502.html, 503.html, 504.html (default: plain ones)"
    )
    maintenance: bool = Field(False, description="true: everybody is shown a maintenance page (503)")
    maintenance_allow: tuple[Network, ...] = Field((), description="networks that maintenance lets in, such as 192.0.2.7")
    access_log: Literal["json", "text"] = Field("json", description="json or text: a line of Nginx's access log")
    body_limit_mb: int = Field(20, ge=1, le=10240, description="the largest request body in MiB, 1 to 10240")
    env: dict[VariableName, PlainText] = Field({}, description="a map of plain environment variables")
    secrets: dict[VariableName, SecretText] = Field(
        {}, description="a map of secret environment variables, set with: pulumi config set --secret --path"
    )
    health: Health = Field(Health(), description="path and timeout of the health check")
    drain_seconds: int = Field(30, ge=0, le=3600, description="seconds, 0 to 3600")
    keep_releases: int = Field(5, ge=1, le=100, description="releases kept for rollback, 1 to 100")
    release: str | None = Field(None, pattern=r"^[0-9a-f]{10}$", description="the id of a kept release, 10 hex digits")
    joins: str | None = Field(None, min_length=1, description="another stack of this project whose site this one serves too")
    standby: bool = Field(False, description="true: the previous instance is kept running, to go back to at once")
    watch_seconds: int = Field(0, ge=0, le=3600, description="seconds after a switch in which errors bring the old instance back")
    watch_errors: int = Field(5, ge=0, le=100, description="percent of answers that may be 5xx meanwhile, 0 to 100")
    allow_migrations_on_switch: bool = Field(False, description="true: an interface switch may bring migrations along")
    allow_newer_schema: bool = Field(False, description="true: a rollback may serve code that does not know applied migrations")
    rollback: Rollback = Field(Rollback(), description="written by make rollback; gone again with the next source")
    services: Services = Field(Services(), description="postgres and redis: true or options")

    @property
    def speaks(self) -> Interface:
        """wsgi or asgi. While ``auto`` has not been decided yet (``settings.auto``) nobody may ask."""
        if self.interface == "auto":
            raise ValueError("interface auto has not been decided yet")
        return self.interface

    @property
    def effective_server(self) -> Server:
        """The server asked for, or the default of the interface."""
        return self.server or SERVERS[self.speaks][0]

    @property
    def effective_workers(self) -> int:
        """Processes of one instance; daphne has no workers of its own."""
        return 1 if self.effective_server == "daphne" else self.workers or 3

    @property
    def port(self) -> int:
        """Where the site answers without TLS, be it with a redirect."""
        return self.http_port or (80 if self.target == "host" else 8080)

    @property
    def tls_port(self) -> int:
        """Where the site answers with TLS, if it does."""
        return self.https_port or (443 if self.target == "host" else 8443)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that a certificate has to be for: served and redirected ones."""
        return (*self.domains, *self.redirects)

    @property
    def origins(self) -> tuple[str, ...]:
        """What a browser sends as Origin: ``http://shop.example:8080``; and over https where a trusted proxy may speak that."""
        scheme, port, usual = ("https", self.tls_port, 443) if self.tls.on else ("http", self.port, 80)
        suffix = "" if port == usual else f":{port}"
        in_front = tuple(f"https://{domain}" for domain in self.domains) if self.trusted_proxies else ()
        return tuple(dict.fromkeys((*(f"{scheme}://{domain}{suffix}" for domain in self.domains), *in_front)))
