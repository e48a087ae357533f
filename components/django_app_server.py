"""DjangoAppServer: one immutable, healthy instance of the app, WSGI or ASGI, before any traffic reaches it."""

from dataclasses import dataclass

import pulumi

from components.env_secret import EnvSecret
from components.release import Release
from rendering.servers import ServerSpec, argv
from settings.instance import identity
from targets.base import InstanceSpec, Target


@dataclass(frozen=True, kw_only=True)
class DjangoAppServerArgs:
    """What decides how an instance behaves, and how it is proved and drained."""

    target: Target
    release: Release
    env: EnvSecret
    server: ServerSpec
    settings_module: str
    host: str
    """Host header of the health check: a name that ALLOWED_HOSTS has."""
    health_path: str = "/health/"
    health_timeout: int = 30
    """Seconds until the new instance must answer 200."""
    scheme: str = "http"
    """``https`` where browsers come with TLS."""
    drain_seconds: int = 30
    """Longest time that requests and streams of a replaced instance may take."""
    after: tuple[pulumi.Resource, ...] = ()
    """What must have succeeded first, such as the release tasks."""
    observed: str = ""
    """What is wrong with the running instance, if that was seen; makes the engine start it again."""

    @property
    def instance(self) -> str:
        """10 hex digits over everything that decides how the instance behaves."""
        return identity(self.release.id, self.env.id, self.server, self.settings_module, self.target.revision)


class DjangoAppServer(pulumi.ComponentResource):
    """Starts the instance and waits until it is healthy on its own socket.

    The instance is part of the child's logical name, so another interface, release or secret is another resource: the engine
    starts the new one, lets its dependants follow, and deletes the old one last. One that never gets healthy deletes nothing.
    """

    def __init__(self, name: str, args: DjangoAppServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gateway:index:DjangoAppServer", name, None, opts)
        self.instance = args.instance
        self.interface, self.server, self.release = args.server.interface, args.server.server, args.release.id
        spec = InstanceSpec(
            release=args.release.id,
            env_id=args.env.id,
            secret_names=args.env.secret_names,
            settings_module=args.settings_module,
            instance=args.instance,
            interface=args.server.interface,
            server=args.server.server,
            argv=tuple(argv(args.server)),
            health_host=args.host,
            health_path=args.health_path,
            health_timeout=args.health_timeout,
            scheme=args.scheme,
            drain_seconds=args.drain_seconds,
            observed=args.observed,
        )
        code = pulumi.Output.all(args.release.code, args.env.file).apply(lambda both: str(both[0]))
        self.running = args.target.instance(f"{name}-{args.instance}", code, spec, self, args.after)
        self.register_outputs({"instance": self.instance})
