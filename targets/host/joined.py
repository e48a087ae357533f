"""A second stack of one site: instances of its own, on the first stack's hosts, folders and Nginx."""

from collections.abc import Sequence

import pulumi

from rendering.nginx import ProxySpec
from targets.certificate import CertificateSpec
from targets.host.agent.requests import JoinRequest
from targets.host.client.connection import Connection
from targets.host.commands import command, label
from targets.host.site import HostSite
from targets.host.target import HostTarget
from targets.joined import LeavesCertificates


class JoinedHostTarget(LeavesCertificates, HostTarget):
    """As ``HostTarget``, but what instances share is there already and stays the first stack's.

    ``owner`` is that first stack (``project/stack``), ``stack`` this one.
    """

    def __init__(
        self,
        app: str,
        *,
        owner: str,
        stack: str,
        hosts: Sequence[Connection],
        rolling: int = 1,
        plain: bool = False,
        memory: tuple[str, str] = ("", ""),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        pulumi.ComponentResource.__init__(self, "gateway:index:HostTarget", app, None, opts)
        self._take(HostSite(app, owner, stack, plain, memory), hosts, rolling)
        request = JoinRequest(app=app, owner=owner, stack=stack).json()
        self.ready = {host: command(f"{app}-joined-{label(host)}", "join", [host], request, self) for host in self.hosts}
        self.register_outputs({})

    def certificate(self, name: str, spec: CertificateSpec, address: str, port: int, parent: pulumi.Resource) -> pulumi.Resource:
        """The first stack's, as it is."""
        return self

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
        self._publish = publish
        return self
