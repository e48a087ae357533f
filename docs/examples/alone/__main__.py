"""A Django site from the parts of gateway. Each part knows its target and the parts before it; Pulumi finds the order itself."""

import pulumi

from components.django_app_server import DjangoAppServer, DjangoAppServerArgs
from components.env_secret import EnvSecret, EnvSecretArgs
from components.nginx_proxy import NginxProxy, NginxProxyArgs
from components.release import Release, ReleaseArgs
from components.release_tasks import ReleaseTasks, ReleaseTasksArgs
from components.traffic import Traffic, TrafficArgs
from rendering.servers import ServerSpec
from settings.sections import Service
from settings.plan import release_of
from targets.docker import DockerTarget

config = pulumi.Config()
host, settings = "localhost", "shop.settings"

# Where: networks, volumes and a database on the Docker engine that DOCKER_HOST names.
owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
target = DockerTarget("bookshop", owner=owner, services={"postgres": Service()})

# What: the code with its dependencies, and the environment it runs in. Both are named by their content and never change.
release = Release("code", ReleaseArgs(target=target, spec=release_of(config.require("source"))))
database = "postgres://bookshop@%2Fvar%2Frun%2Fpostgresql/bookshop"
env = EnvSecret(
    "env",
    EnvSecretArgs(
        target=target,
        env={"ALLOWED_HOSTS": host, "DATABASE_URL": database},
        secrets={"SECRET_KEY": config.require("secretKey")},
    ),
)

# Once for this code with this environment: check, migrate, collectstatic.
tasks = ReleaseTasks("tasks", ReleaseTasksArgs(target=target, release=release, env=env, settings_module=settings))

# How it is served: set `interface` to another one, and this is another instance beside the old one.
if config.require("interface") == "asgi":
    how = ServerSpec(interface="asgi", server="uvicorn", entry_point="shop.asgi:application")
else:
    how = ServerSpec(interface="wsgi", server="gunicorn", entry_point="shop.wsgi:application")
server = DjangoAppServer(
    "app",
    DjangoAppServerArgs(
        target=target,
        release=release,
        env=env,
        server=how,
        settings_module=settings,
        host=host,
        after=(tasks.last,),
    ),
)

# Who asks: Nginx knows neither release nor interface. Traffic is moved when the instance is healthy, by one rename.
proxy = NginxProxy("proxy", NginxProxyArgs(target=target, domains=(host,), port=8090))
traffic = Traffic("traffic", TrafficArgs(target=target, server=server, proxy=proxy, host=host))

pulumi.export("url", proxy.url)
pulumi.export("serving", traffic.result)
