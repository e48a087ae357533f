"""What the steps on a Docker engine are asked for a site: pure, from what a component asks of a target."""

from dataclasses import dataclass, replace
from typing import Any

from rendering.nginx import ProxySpec, configuration
from settings.sections import Services
from targets.base import CodeSpec, InstanceSpec, ReleaseSpec, TaskSpec, TrafficSpec
from targets.docker import requests
from targets.docker.services import data_service
from targets.serving import Serving

DEFAULT_PYTHON = "3.13"
NGINX = "nginx:stable"
TLS_PORT = 443
"""Inside Nginx's container."""


@dataclass(frozen=True)
class DockerSite:
    """A site on a Docker engine: ``owner`` is the stack that it belongs to, ``stack`` another one that has joined it ('' for the
    first). ``services`` are the names of its data services."""

    app: str
    owner: str
    stack: str = ""
    services: tuple[str, ...] = ()

    def release(self, spec: ReleaseSpec) -> requests.ReleaseRequest:
        """The release's image."""
        return requests.ReleaseRequest(
            app=self.app,
            owner=self.owner,
            release=spec.release,
            source=spec.source,
            ref=spec.ref,
            digest=spec.digest,
            image=spec.image,
            dockerfile=spec.dockerfile,
            requirements=spec.requirements,
            packages=spec.packages,
            settings_module=spec.settings_module,
            migrations=spec.migrations,
            base=f"python:{spec.python or DEFAULT_PYTHON}-slim",
            keep=spec.keep,
        )

    def task(self, spec: TaskSpec, task: str, image: str) -> requests.TaskRequest:
        """A release task in a container of its own."""
        code = self._code(spec, image, {"GATEWAY_RELEASE": spec.release})
        return requests.TaskRequest(**code, task=task, rules=spec.rules, site=dict(spec.site) if task == "check" else {})

    def instance(self, spec: InstanceSpec, image: str) -> requests.InstanceRequest:
        """An instance, and how its health is asked for."""
        variables = {
            "GATEWAY_RELEASE": spec.release,
            "GATEWAY_INTERFACE": spec.interface,
            "GATEWAY_SERVER": spec.server,
            "GATEWAY_INSTANCE": spec.instance,
            "GATEWAY_ENTRY_POINT": spec.argv[-1],
        }
        return requests.InstanceRequest(
            **self._code(spec, image, variables),
            instance=spec.instance,
            interface=spec.interface,
            server=spec.server,
            argv=(*spec.argv[:-1], "gateway_entry:application"),
            host=spec.health_host,
            path=spec.health_path,
            timeout=spec.health_timeout,
            scheme=spec.scheme,
            drain_seconds=spec.drain_seconds,
        )

    def proxy(self, name: str, spec: ProxySpec, image: str) -> requests.ProxyRequest:
        """Nginx's configuration."""
        own = replace(spec, listen_tls=TLS_PORT if spec.listen_tls else 0)
        return requests.ProxyRequest(
            app=self.app,
            owner=self.owner,
            image=image,
            configuration=configuration(own),
            pages={f"{spec.pages_id}/{name}": text for name, text in spec.pages.items()},
            maintenance=spec.maintenance,
            kept=spec.kept,
            tls=bool(spec.listen_tls),
        )

    def traffic(self, spec: TrafficSpec, proxy: str) -> requests.TrafficRequest:
        """The rename of ``live.sock``; ``proxy`` is the configuration's hash."""
        return requests.TrafficRequest(
            app=self.app,
            owner=self.owner,
            stack=self.stack,
            serving=Serving(interface=spec.interface, server=spec.server, release=spec.release, instance=spec.instance),
            host=spec.health_host,
            path=spec.health_path,
            proxy=proxy,
            source=spec.source,
            rendered_from=spec.rendered_from,
            watch_seconds=spec.watch_seconds,
            watch_errors=spec.watch_errors,
            standby=spec.standby,
            back=spec.back,
        )

    def _code(self, spec: CodeSpec, image: str, variables: dict[str, str]) -> dict[str, Any]:
        return {
            "app": self.app,
            "owner": self.owner,
            "stack": self.stack,
            "release": spec.release,
            "image": image,
            "env_id": spec.env_id,
            "secret_names": spec.secret_names,
            "settings_module": spec.settings_module,
            "services": self.services,
            "variables": variables,
        }


def base_references(python: str, services: Services) -> list[str]:
    """The base images that a site needs, as a registry calls them; images that the config names are the user's own."""
    wanted = [f"python:{python or DEFAULT_PYTHON}-slim", NGINX]
    return wanted + [option.image or data_service(name, "").image for name, option in services if option is not None]
