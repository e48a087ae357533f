"""NginxProxy: the one thing that takes requests. It knows no interface, no release and no instance."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from rendering.front import FrontSpec
from rendering.nginx import ProxySpec
from rendering.pages import maintenance, pages
from targets.base import Target


@dataclass(frozen=True, kw_only=True)
class NginxProxyArgs:
    """Names served and where."""

    target: Target
    domains: tuple[str, ...]
    """First the primary one; requests for any other name are closed without an answer."""
    address: str = "0.0.0.0"
    port: int = 8080
    https_port: int = 0
    """With TLS; 0 where that ends elsewhere."""
    certificate: pulumi.Resource | None = None
    """What puts the certificate in its place."""
    redirects: tuple[str, ...] = ()
    """Names that are redirected to the primary one."""
    hsts_seconds: int = 0
    health_path: str = "/health/"
    body_limit_mb: int = 20
    front: FrontSpec = field(default_factory=FrontSpec)
    pages: Mapping[str, str] = field(default_factory=dict)
    """The project's own ``502.html``, ``503.html``, ``504.html``; where there is none, a plain one is shown."""
    closed: bool = False
    """Whether people are shown the maintenance page (503), also through later updates."""
    closed_but_for: tuple[str, ...] = ()
    """Networks that are let in nevertheless; the health path is for everybody."""
    kept: str = ""
    """Id of an earlier configuration to use as it was."""
    observed: str = ""
    """What is wrong with it, if that was seen; makes the engine put it right."""


class NginxProxy(pulumi.ComponentResource):
    """Nginx in front of ``live.sock``. A changed setting is tested before it replaces the live one, then reloaded."""

    def __init__(self, name: str, args: NginxProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gateway:index:NginxProxy", name, None, opts)
        target = args.target
        spec = ProxySpec(
            domains=args.domains,
            redirects=args.redirects,
            health_path=args.health_path,
            listen_tls=args.https_port,
            public=(args.port, args.https_port),
            tls_root=target.tls_root,
            hsts_seconds=args.hsts_seconds,
            live_socket=target.live_socket,
            static_root=target.static_root,
            media_root=target.media_root,
            body_limit_mb=args.body_limit_mb,
            front=args.front,
            pages=pages(args.pages),
            pages_root=target.pages_root,
            maintenance_file=target.maintenance_file,
            maintenance=maintenance(args.closed, args.closed_but_for),
            kept=args.kept,
        )
        after = [args.certificate] if args.certificate else []
        self.serving = target.proxy(name, spec, (args.address, args.port), self, after, args.observed)
        self.url = f"{spec.primary}/"
        self.register_outputs({"url": self.url})
