"""Nginx's configuration: it depends on neither interface, release nor instance, so a switch never touches it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rendering.front import FRONT_SETTINGS, FrontSpec
from rendering.identity import short_hash
from rendering.pages import OPEN, pages, pages_id
from rendering.seconds import STREAM_READ_SECONDS, UPSTREAM_SECONDS
from rendering.templates import FOLDER, render
from settings.model import Settings

PROXY_SETTINGS: dict[str, bool | dict[str, bool]] = {
    "domains": True,
    "redirects": True,
    "http_port": True,
    "https_port": True,
    "listen_address": True,
    "body_limit_mb": True,
    "error_pages": True,
    "tls": {"mode": True, "hsts_seconds": True},
    "health": {"path": True},
    **dict.fromkeys(FRONT_SETTINGS, True),
}
"""Settings that decide what the configuration says. Of the certificate it knows the place alone: another one is no change."""


@dataclass(frozen=True, kw_only=True)
class ProxySpec:
    """What Nginx serves, and where it finds it inside its own file system."""

    domains: tuple[str, ...]
    """Names served, first the primary one; every other Host is closed without an answer (444)."""
    redirects: tuple[str, ...] = ()
    """Names that are redirected to the primary one."""
    listen: int = 80
    """TCP port, inside the container on the Docker target."""
    address: str = ""
    """Address that Nginx listens on; empty for all, and always inside a container."""
    live_socket: str
    """The link that names the serving instance's socket."""
    static_root: str
    media_root: str
    body_limit_mb: int = 20
    """Largest request body in MiB; more is answered 413."""
    front: FrontSpec = field(default_factory=FrontSpec)
    pages: Mapping[str, str] = field(default_factory=lambda: pages({}))
    """File -> text of the pages for 502, 503 and 504."""
    pages_root: str = ""
    """Where the target puts pages, in a folder for each version of them; '' for Nginx's own."""
    maintenance_file: str = ""
    """Where the target puts ``maintenance``; '' for a site that is never closed."""
    maintenance: str = OPEN
    """Who is shown the maintenance page: not part of the configuration, which a rollback may bring back."""
    health_path: str = "/health/"
    """Where TLS is on, the one path of the app that is answered without it too."""
    listen_tls: int = 0
    """TCP port with TLS, inside the container on the Docker target; 0 where TLS ends elsewhere."""
    public: tuple[int, int] = (80, 443)
    """The ports without and with TLS as browsers know them."""
    tls_root: str = ""
    """Folder of the certificate (``live``) and of the answers to an ACME server (``challenge``)."""
    hsts_seconds: int = 0
    """What browsers are told in Strict-Transport-Security; 0 leaves that to the app."""
    upstream_file: str = ""
    """On a host, the file that has the ``server`` line; the agent writes it."""
    kept: str = ""
    """Id of an earlier configuration that is to be used as it was, instead of today's template."""

    @property
    def pages_id(self) -> str:
        """Folder of the pages below ``pages_root``."""
        return pages_id(self.pages)

    @property
    def listens(self) -> str:
        """What ``listen`` takes."""
        return self._at(self.listen)

    @property
    def listens_tls(self) -> str:
        """What ``listen`` takes with TLS, but for what depends on Nginx's version (``targets.common.dialect``)."""
        return f"{self._at(self.listen_tls)} ssl http2"

    @property
    def primary(self) -> str:
        """Scheme, name and port that other names are redirected to."""
        scheme, port, usual = ("https", self.public[1], 443) if self.listen_tls else ("http", self.public[0], 80)
        return f"{scheme}://{self.domains[0]}{'' if port == usual else f':{port}'}"

    @property
    def tls_port_suffix(self) -> str:
        """What follows the name in https URLs."""
        return "" if self.public[1] == 443 else f":{self.public[1]}"

    def _at(self, port: int) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{port}" if address else str(port)


def rendered_from(settings: Settings) -> str:
    """10 hex digits over templates and settings: as long as they stay, so does the configuration."""
    templates = [path.read_text() for path in sorted((FOLDER / "nginx").rglob("*")) if path.is_file()]
    told = settings.model_dump(mode="json", include=PROXY_SETTINGS)
    return short_hash(templates, told)


def configuration(spec: ProxySpec) -> str:
    """The whole ``nginx.conf`` of a container."""
    return _render("nginx/nginx.conf.j2", spec, upstream="app", prefix="")


def site(spec: ProxySpec, app: str) -> str:
    """One site beside others, in a host's ``sites-available``; its variables and upstream carry its name."""
    return _render("nginx/site.conf.j2", spec, upstream=app, prefix=f"{app.replace('-', '_')}_", own_log=True)


def default_site(spec: ProxySpec) -> str:
    """What refuses names that nobody serves, once for all sites of a port."""
    return _render("nginx/default-site.conf.j2", spec)


def default_tls_site(spec: ProxySpec) -> str:
    """The same for the port with TLS."""
    return _render("nginx/default-tls-site.conf.j2", spec)


def _render(template: str, spec: ProxySpec, **names: object) -> str:
    believed = f"{names.get('prefix', '')}forwarded_" if spec.front.trusted_proxies else ""
    text = render(
        template,
        proxy=spec,
        front=spec.front,
        scheme=f"${believed}scheme",
        request_id=f"${believed}request_id",
        log_format=f"gateway_{names.get('prefix', '')}".rstrip("_"),
        hsts=spec.hsts_seconds,
        upstream_seconds=UPSTREAM_SECONDS,
        stream_read_seconds=STREAM_READ_SECONDS,
        **{"own_log": False, **names},
    )
    return re.sub(r"\n{3,}", "\n\n", text)
