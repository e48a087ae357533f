"""The sections of the contract with users: what each structured key takes."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints

from settings.values import DottedName, EntryPoint, Model, Name, Port


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
