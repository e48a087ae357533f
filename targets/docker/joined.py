"""A second stack of one site: instances of its own, on the first stack's network, volumes, data services and Nginx."""

from collections.abc import Sequence

import pulumi

from rendering.nginx import ProxySpec
from targets.certificate import CertificateSpec
from targets.docker import requests
from targets.docker.commands import command
from targets.docker.site import DockerSite
from targets.docker.target import DockerTarget
from targets.joined import LeavesCertificates


class JoinedTarget(LeavesCertificates, DockerTarget):
    """As ``DockerTarget``, but what instances share is there already and stays the first stack's.

    ``owner`` is that first stack (``project/stack``), ``stack`` this one. ``services`` are the data services that its instances
    use, by name.
    """

    def __init__(
        self, app: str, *, owner: str, stack: str, services: Sequence[str] = (), opts: pulumi.ResourceOptions | None = None
    ) -> None:
        pulumi.ComponentResource.__init__(self, "gateway:index:DockerTarget", app, None, opts)
        self._take(DockerSite(app, owner, stack, tuple(sorted(services))))
        request = requests.JoinRequest(app=app, owner=owner, stack=stack, services=self.services)
        self._ready = command(f"{app}-joined", "join", request.model_dump_json(), self)
        self.register_outputs({})

    def certificate(self, name: str, spec: CertificateSpec, address: str, port: int, parent: pulumi.Resource) -> pulumi.Resource:
        """The first stack's, as it is."""
        return self._ready

    def proxy(
        self,
        name: str,
        spec: ProxySpec,
        publish: tuple[str, int],
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource] = (),
        observed: str = "",
    ) -> pulumi.Resource:
        """The first stack's Nginx, as it is."""
        return self._ready

    def _needs(self) -> list[pulumi.Resource]:
        return [self._ready]
