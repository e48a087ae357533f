"""The contract with users: every key of the ``gateway:`` namespace, its type, default and meaning.

A field's ``description`` is what the key takes; it is shown in error messages and in ``Pulumi.yaml`` (a test compares the two).
"""

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints

Interface = Literal["wsgi", "asgi"]
Server = Literal["gunicorn", "uvicorn", "gunicorn-uvicorn", "gunicorn-asgi", "daphne", "hypercorn"]

SERVERS: dict[Interface, tuple[Server, ...]] = {
    "wsgi": ("gunicorn",),
    "asgi": ("uvicorn", "gunicorn-uvicorn", "gunicorn-asgi", "daphne", "hypercorn"),
}
"""The servers that speak each interface; the first one is the default."""

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _plain_text(value: Any) -> Any:
    """YAML turns ``on`` or ``8`` into a boolean or a number; an environment variable is always text."""
    if isinstance(value, bool):
        return str(value)
    return str(value) if isinstance(value, int | float) else value


def _network(value: str) -> str:
    """As Nginx writes it; bits of the host in a network are cut off."""
    return str(ipaddress.ip_network(value, strict=False))


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,29}[a-z0-9]$")]
Domain = Annotated[str, StringConstraints(pattern=rf"^({_LABEL}\.)*{_LABEL}$", max_length=253)]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
PlainText = Annotated[str, BeforeValidator(_plain_text)]
SecretText = Annotated[SecretStr, BeforeValidator(_plain_text)]
EntryPoint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
DottedName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")]
Network = Annotated[str, AfterValidator(_network)]
Port = Annotated[int, Field(ge=1, le=65535)]


class Model(BaseModel):
    """Frozen, unknown keys refused, camelCase outside and snake_case inside."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_camel, populate_by_name=True)


class App(Model):
    """What is served: where its code is and how it is started."""

    name: Name = Field(description="2 to 31 of a-z, 0-9 and '-', starting with a letter")
    source: str | None = Field(None, min_length=1, description="a directory, or a git URL together with app.ref")
    ref: str | None = Field(None, min_length=1, description="a git branch, tag or commit")
    image: str | None = Field(
        None,
        pattern=r"^[^\s@]+@sha256:[0-9a-f]{64}$|^sha256:[0-9a-f]{64}$",
        description="a prebuilt image by digest (name@sha256:...) or image id (sha256:...), instead of app.source",
    )
    dockerfile: str | None = Field(
        None,
        min_length=1,
        description="the project's own Dockerfile, relative to the source (default: Dockerfile if there)",
    )
    module: DottedName | None = Field(None, description="the package with wsgi.py and asgi.py (default: from manage.py)")
    wsgi: EntryPoint | None = Field(None, description="a WSGI entry point, pkg.mod:attr")
    asgi: EntryPoint | None = Field(None, description="an ASGI entry point, pkg.mod:attr")
    settings: DottedName | None = Field(None, description="the Django settings module (default: from manage.py)")
    requirements: str | None = Field(
        None, min_length=1, description="a requirements file, pyproject.toml or uv.lock, relative to the source"
    )
    websockets: Literal["required", "optional"] | None = Field(
        None, description="required or optional: may a site with Channels be served over wsgi (default: required)"
    )


class Health(Model):
    """The gate a new instance must pass: HTTP 200 on this path, with the real Host header."""

    path: str = Field("/health/", pattern=r"^/[^\s?#]*$", description="a path that starts with '/'")
    timeout: int = Field(30, ge=1, le=600, description="seconds, 1 to 600")


def _tls_mode(value: Any) -> Any:
    """YAML reads a bare ``off`` as false."""
    return "off" if value is False or value == "false" else value


class Tls(Model):
    """Where TLS ends, and with which certificate."""

    mode: Annotated[Literal["off", "self-signed", "files", "acme"], BeforeValidator(_tls_mode)] = Field(
        "off", description="off (TLS ends at a proxy in front of this one), self-signed, files or acme"
    )
    certificate: str | None = Field(None, min_length=1, description="the certificate and its chain as PEM text")
    certificate_file: str | None = Field(None, min_length=1, description="a PEM file here with the certificate and its chain")
    key: SecretStr | None = Field(
        None, description="the private key as PEM text, set with: pulumi config set --secret --path gateway:tls.key < KEY_FILE"
    )
    key_file: str | None = Field(None, min_length=1, description="a PEM file here with the private key")
    hsts_seconds: int | None = Field(
        None, ge=0, le=63072000, description="seconds, 0 to 63072000; 0: no HSTS (default 3600; self-signed 0)"
    )
    email: str | None = Field(None, pattern=r"^[^@\s,]+@[^@\s,]+$", description="the mail address of the ACME account")
    acme_server: str | None = Field(
        None, pattern=r"^https://[^\s\"']+$", description="the directory URL of an ACME server (default: Let's Encrypt)"
    )
    acme_ca: str | None = Field(
        None, min_length=1, description="a PEM file here with the CA certificate that the ACME server's own one is of"
    )

    @property
    def on(self) -> bool:
        """Whether this Nginx ends TLS."""
        return self.mode != "off"

    @property
    def hsts(self) -> int:
        """Seconds; a browser that was told of a self-signed certificate could not be told otherwise."""
        return self.hsts_seconds if self.hsts_seconds is not None else 0 if self.mode in ("off", "self-signed") else 3600


class LoginLimit(Model):
    """How often somebody may try to log in."""

    paths: tuple[Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/@+-]*$")], ...] = Field(
        (), description="paths of login forms, such as /admin/login/"
    )
    per_minute: int = Field(10, ge=1, le=600, description="attempts per minute and address, 1 to 600")


class Limits(Model):
    """How much one client address may ask for."""

    requests_per_second: int = Field(0, ge=0, le=10000, description="requests per second and address, 0 to 10000 (0: no limit)")
    burst: int = Field(0, ge=0, le=100000, description="requests at once beyond that, 0 to 100000 (0: twice requestsPerSecond)")
    connections: int = Field(0, ge=0, le=10000, description="requests of an address in progress, 0 to 10000 (0: no limit)")
    login: LoginLimit = Field(LoginLimit(), description="paths and perMinute")


class Timeouts(Model):
    """How long each side may take."""

    request: int = Field(60, ge=1, le=3600, description="seconds until the project must answer, 1 to 3600")
    header: int = Field(10, ge=1, le=600, description="seconds for a client's headers, 1 to 600")
    body: int = Field(30, ge=1, le=600, description="seconds that a client may pause in its body, 1 to 600")
    send: int = Field(30, ge=1, le=600, description="seconds that a client may take nothing of its answer, 1 to 600")


HOST_KEY = r"^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/]+=*( .*)?$"


class Login(Model):
    """How a machine is reached over SSH."""

    address: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$|^[0-9a-fA-F:]+$", description="a name or IP address, or local for this very machine"
    )
    port: Port = Field(22, description="the TCP port of its SSH server, 1 to 65535")
    user: str = Field("root", pattern=r"^[a-z_][a-z0-9_.-]*$", description="root, or a user with passwordless sudo")
    private_key: SecretStr | None = Field(
        None, description="the text of a login key, set with: pulumi config set --secret --path (default: SSH agent, own keys)"
    )
    key_file: str | None = Field(None, min_length=1, description="a file with a login key, instead of privateKey")
    host_key: str | None = Field(
        None, pattern=HOST_KEY, description="the host's public key, as `ssh-keyscan -t ed25519 ADDRESS` shows it without the name"
    )


class Host(Login):
    """One host of the site."""

    proxy: Login | None = Field(None, description="a bastion host: address, port, user, privateKey, keyFile, hostKey")


class Memory(Model):
    """Limits of an instance on a host."""

    high: str | None = Field(None, pattern=r"^[1-9][0-9]*[KMGT%]?$", description="where the kernel slows it down, such as 400M")
    max: str | None = Field(
        None, pattern=r"^[1-9][0-9]*[KMGT%]?$", description="where it is killed and started again, such as 512M"
    )


class Service(Model):
    """A data service on the Docker target. ``true`` stands for the defaults."""

    image: str | None = Field(None, min_length=1, description="an image with the official image's interface")


def _service(value: Any) -> Any:
    if value in (True, "true"):
        return Service()
    return None if value in (False, "false") else value


class Services(Model):
    """Protected data services beside the site, reached over unix sockets that only this site's containers mount."""

    postgres: Annotated[Service | None, BeforeValidator(_service)] = Field(None, description="true or options (image)")
    redis: Annotated[Service | None, BeforeValidator(_service)] = Field(None, description="true or options (image)")


class Rollback(Model):
    """What ``make rollback`` notes beside ``release``: until when the kept release is served."""

    update: int | None = Field(None, description="the number of the update that was gone back to")
    release: str | None = Field(None, description="the kept release that was gone back to")
    instead: tuple[str, ...] = Field((), description="what the source was when it was left; another source ends the rollback")
    settings: str | None = Field(None, description="the settings module of the kept release, where only a login would tell it")
    proxy: str | None = Field(None, description="the kept proxy configuration that was gone back to")
    proxy_instead: str | None = Field(None, description="what it was rendered from then; other templates or settings end it")


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
