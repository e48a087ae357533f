"""Traffic: which instance serves. One rename moves it, and its output is what the stack tells."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.django_app_server import DjangoAppServer
from components.nginx_proxy import NginxProxy
from targets.base import Target, TrafficSpec


@dataclass(frozen=True, kw_only=True)
class TrafficArgs:
    """From which proxy to which server."""

    target: Target
    server: DjangoAppServer
    proxy: NginxProxy
    host: str
    health_path: str = "/health/"
    observed: str = ""
    source: str = ""
    """First 10 hex digits of the digest of the files that the release was built from."""
    rendered_from: str = ""
    """What the proxy's configuration was rendered from."""
    watch_seconds: int = 0
    watch_errors: int = 5
    standby: bool = False
    """Whether the previous instance is kept running."""
    back: bool = False
    """Whether this is a rollback."""


class Traffic(pulumi.ComponentResource):
    """Points ``live.sock`` at the instance and proves it through the proxy; on failure the old instance has its traffic back."""

    result: pulumi.Output[Mapping[str, object]]
    """What serves: interface, server, release, instance, hosts, previous. A failed update leaves it as it was."""

    def __init__(self, name: str, args: TrafficArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gateway:index:Traffic", name, None, opts)
        spec = TrafficSpec(
            instance=args.server.instance,
            interface=args.server.interface,
            server=args.server.server,
            release=args.server.release,
            health_host=args.host,
            health_path=args.health_path,
            observed=args.observed,
            source=args.source,
            rendered_from=args.rendered_from,
            watch_seconds=args.watch_seconds,
            watch_errors=args.watch_errors,
            standby=args.standby,
            back=args.back,
        )
        self.result = args.target.traffic(f"{name}-live", spec, self, [args.server.running, args.proxy.serving])
        self.register_outputs({"instance": self.result.apply(lambda result: result["instance"])})
