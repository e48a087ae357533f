"""The Docker target: which container, volume and step stands for what a component asks."""

import json
from collections.abc import Callable, Mapping, Sequence

import pulumi
import pulumi_docker as docker
from pulumi_command import local

from rendering.nginx import ProxySpec
from settings.sections import Service
from targets.base import InstanceSpec, ReleaseSpec, TaskSpec, TrafficSpec
from targets.certificate import CertificateSpec
from targets.docker import names, requests, tls
from targets.docker.commands import command
from targets.docker.services import data_service
from targets.docker.site import NGINX, TLS_PORT, DockerSite

LOG_LIMITS = {"max-size": "10m", "max-file": "3"}
PROTECTED = ("media", "postgres", "redis")
"""Volumes with what users made: Pulumi refuses to delete them."""


class DockerTarget(pulumi.ComponentResource):
    """Network, volumes and data services of one site on the Docker engine that DOCKER_HOST names (else the local one).

    ``app`` names everything that is made; ``owner`` is a label that tells whose it is, ``project/stack``. ``services`` maps
    ``postgres`` and ``redis`` to their options.
    """

    revision = names.REVISION
    live_socket = names.LIVE
    static_root = f"{names.STATIC}/files"
    media_root = names.MEDIA
    pages_root, maintenance_file = names.PAGES, names.MAINTENANCE
    tls_root = names.TLS

    def __init__(
        self,
        app: str,
        *,
        owner: str,
        services: Mapping[str, Service] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gateway:index:DockerTarget", app, None, opts)
        self._take(DockerSite(app, owner, services=tuple(sorted(services or {}))))
        self.network = docker.Network(
            f"{app}-network", name=self.names.network, labels=self._network_labels(), opts=self._child()
        )
        self._volumes = {role: self._volume(role) for role in ("sockets", "env", "static", "media", "nginx")}
        for service in self.services:
            self._volumes |= {role: self._volume(role) for role in (service, f"{service}-socket")}
        request = requests.StorageRequest(app=app, owner=owner, services=self.services)
        storage = list(self._volumes.values())
        self._ready = command(f"{app}-storage", "prepare", request.model_dump_json(), self, after=storage)
        self._data = [self._service(service, (services or {})[service]) for service in self.services]
        self.register_outputs({"network": self.network.name})

    def _take(self, site: DockerSite) -> None:
        self.site, self.app, self.owner, self.stack, self.services = site, site.app, site.owner, site.stack, site.services
        self.names = names.Names(site.app)
        self._base_images: dict[str, pulumi.Output[str]] = {}
        self._proxy: pulumi.Input[str] = ""

    def release(self, name: str, spec: ReleaseSpec, parent: pulumi.Resource) -> pulumi.Output[str]:
        """The release's image; returns its id. Images of old releases are collected when the engine drops the release."""
        request = self.site.release(spec)
        step = command(name, "release", request.model_dump_json(), parent, delete="collect-releases", immutable=True)
        return step.stdout

    def env_file(
        self, name: str, env_id: str, text: pulumi.Output[str], parent: pulumi.Resource, observed: str = ""
    ) -> pulumi.Output[str]:
        """The env file in the site's volume, for root and the app's group."""

        def request(content: str) -> str:
            return requests.EnvRequest(app=self.app, owner=self.owner, env_id=env_id, text=content).model_dump_json()

        secret: pulumi.Output[str] = pulumi.Output.secret(text).apply(request)  # type: ignore[arg-type]
        step = command(name, "env", secret, parent, delete="remove-env", after=[self._ready], immutable=True, observed=observed)
        return pulumi.Output.unsecret(step.stdout)

    def task(
        self,
        name: str,
        task: str,
        code: pulumi.Input[str],
        spec: TaskSpec,
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        """A release task in a container of its own, of the new image with the new env."""

        def request(image: str) -> str:
            return self.site.task(spec, task, image).model_dump_json()

        needs = [*self._needs(), *after]
        return command(name, "task", _text(code, request), parent, after=needs, immutable=True, observed=spec.observed)

    def told(self, step: pulumi.Resource) -> pulumi.Output[str]:
        """What a task's container had to say."""
        assert isinstance(step, local.Command)
        return step.stdout

    def instance(
        self,
        name: str,
        code: pulumi.Input[str],
        spec: InstanceSpec,
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        """The instance's container, healthy on its own socket; on delete it is drained, stopped and removed."""

        def request(image: str) -> str:
            return self.site.instance(spec, image).model_dump_json()

        needs = [*self._needs(), *after]
        return command(name, "start", _text(code, request), parent, delete="stop", after=needs, observed=spec.observed)

    def certificate(self, name: str, spec: CertificateSpec, address: str, port: int, parent: pulumi.Resource) -> pulumi.Resource:
        """The certificate in the site's volume; what Nginx's container runs beside Nginx takes it over."""
        return tls.put(name, self, spec, parent)

    def issue(
        self,
        name: str,
        spec: CertificateSpec,
        address: str,
        port: int,
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource],
        observed: str = "",
    ) -> pulumi.Output[str]:
        """By a container beside Nginx, which goes on with what it has until then."""
        return tls.issue(name, self, spec, parent, after, observed)

    def proxy(
        self,
        name: str,
        spec: ProxySpec,
        publish: tuple[str, int],
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource] = (),
        observed: str = "",
    ) -> pulumi.Resource:
        """Nginx's configuration, applied in place, and its container, which stays."""
        image = self.image(NGINX)

        def request(image_id: str) -> str:
            return self.site.proxy(name, spec, image_id).model_dump_json()

        applied = command(f"{name}-conf", "proxy", _text(image, request), parent, after=[self._ready, *after], observed=observed)
        self._proxy = applied.stdout
        address, port = publish
        ports, readable = {spec.listen: port}, {"sockets": names.SOCKETS, "static": names.STATIC, "media": names.MEDIA}
        conf = f"{names.PROXY}/nginx.conf"
        start, words = ["nginx"], ["-c", conf, "-g", "daemon off;"]
        if spec.listen_tls:
            ports, readable = ports | {TLS_PORT: spec.public[1]}, readable | {"tls": names.TLS}
            start, words = ["sh"], [names.PROXY_ENTRY, conf, f"{names.TLS}/live"]
        return docker.Container(
            name,
            name=self.names.proxy,
            image=image,
            entrypoints=start,
            command=words,
            ports=[docker.ContainerPortArgs(internal=inside, external=out, ip=address) for inside, out in ports.items()],
            volumes=[
                *(
                    docker.ContainerVolumeArgs(volume_name=self.names.volume(r), container_path=p, read_only=True)
                    for r, p in readable.items()
                ),
                docker.ContainerVolumeArgs(volume_name=self.names.volume("nginx"), container_path=names.PROXY),
            ],
            labels=self.container_labels("proxy"),
            network_mode=self.network.name,
            restart="unless-stopped",
            log_opts=LOG_LIMITS,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[applied]),
        )

    def traffic(
        self, name: str, spec: TrafficSpec, parent: pulumi.Resource, after: Sequence[pulumi.Resource]
    ) -> pulumi.Output[Mapping[str, object]]:
        """The rename of ``live.sock``."""

        def request(proxy: str) -> str:
            return self.site.traffic(spec, proxy).model_dump_json()

        text = _text(self._proxy, request)
        step = command(name, "switch", text, parent, delete="off", after=after, observed=spec.observed)
        return step.stdout.apply(json.loads)

    def _needs(self) -> list[pulumi.Resource]:
        return [self.network, self._ready, *self._data]

    def image(self, reference: str) -> pulumi.Output[str]:
        """Id of a base image: from a registry or built here, once."""
        if reference not in self._base_images:
            request = requests.BaseImageRequest(reference=reference).model_dump_json()
            step = command(
                f"{self.app}-image-{reference.replace(':', '-').replace('/', '-')}",
                "base",
                request,
                self,
                immutable=True,
            )
            self._base_images[reference] = step.stdout
        return self._base_images[reference]

    def _service(self, service: str, options: Service) -> pulumi.Resource:
        """The data service's container, and the wait until it takes connections."""
        spec = data_service(service, self.app)
        container = docker.Container(
            f"{self.app}-{service}",
            name=f"{self.app}-{service}",
            image=self.image(options.image or spec.image),
            command=list(spec.argv),
            envs=list(spec.variables),
            volumes=[
                docker.ContainerVolumeArgs(volume_name=self.names.volume(service), container_path=spec.data),
                docker.ContainerVolumeArgs(volume_name=self.names.volume(f"{service}-socket"), container_path=spec.socket),
            ],
            labels=self.container_labels(service),
            network_mode="none",
            restart="unless-stopped",
            log_opts=LOG_LIMITS,
            opts=self._child(after=[self._ready]),
        )

        def request(container_id: str) -> str:
            return requests.ServiceRequest(
                app=self.app, owner=self.owner, service=service, container=container_id
            ).model_dump_json()

        return command(f"{self.app}-{service}-ready", "await-service", container.id.apply(request), self)

    def _child(self, *, protect: bool = False, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, protect=protect, depends_on=list(after))

    def _volume(self, role: str) -> docker.Volume:
        return self.volume(role, self._child(protect=role in PROTECTED))

    def volume(self, role: str, opts: pulumi.ResourceOptions) -> docker.Volume:
        """A volume of the site."""
        labels = [docker.VolumeLabelArgs(label=key, value=value) for key, value in self._labels(role).items()]
        return docker.Volume(f"{self.app}-volume-{role}", name=self.names.volume(role), labels=labels, opts=opts)

    def _labels(self, role: str) -> dict[str, str]:
        return {names.LABEL_APP: self.app, names.LABEL_OWNER: self.owner, names.LABEL_ROLE: role}

    def _network_labels(self) -> list[docker.NetworkLabelArgs]:
        return [docker.NetworkLabelArgs(label=key, value=value) for key, value in self._labels("network").items()]

    def container_labels(self, role: str) -> list[docker.ContainerLabelArgs]:
        """Labels of a container of the site."""
        return [docker.ContainerLabelArgs(label=key, value=value) for key, value in self._labels(role).items()]


def _text(value: pulumi.Input[str], render: Callable[[str], str]) -> pulumi.Output[str]:
    return pulumi.Output.from_input(value).apply(render)
