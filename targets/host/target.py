"""The host target: which step on which host stands for what a component asks."""

import json
from collections.abc import Callable, Mapping, Sequence

import pulumi
from pulumi_command import local

from rendering import monitoring
from rendering.nginx import ProxySpec
from targets.base import InstanceSpec, ReleaseSpec, TaskSpec, TrafficSpec
from targets.certificate import CertificateSpec
from targets.host import tls
from targets.host.agent import requests
from targets.host.client.connection import Connection
from targets.host.commands import command, label
from targets.host.site import HostSite


class HostTarget(pulumi.ComponentResource):
    """A site on Linux hosts with systemd and the distribution's Nginx.

    ``hosts`` are switched ``rolling`` at a time, all or none. ``plain`` is the form that the field knows: user www-data and a TCP
    port per instance on 127.0.0.1 instead of an own user and unix sockets. ``memory`` is (MemoryHigh, MemoryMax).
    With ``metrics`` each host writes the site's figures for node_exporter.
    """

    def __init__(
        self,
        app: str,
        *,
        owner: str,
        hosts: Sequence[Connection],
        rolling: int = 1,
        plain: bool = False,
        memory: tuple[str, str] = ("", ""),
        metrics: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gateway:index:HostTarget", app, None, opts)
        self._take(HostSite(app, owner, plain=plain, memory=memory), hosts, rolling)
        figures = {
            "metrics_service": monitoring.service(app),
            "metrics_timer": monitoring.timer(app),
            "metrics_folder": monitoring.TEXTFILES,
        }
        request = requests.PrepareRequest(app=app, owner=owner, user=app, **(figures if metrics else {})).json()
        self.ready: dict[Connection, local.Command] = {
            host: command(f"{app}-host-{label(host)}", "prepare", [host], request, self, delete="remove-site")
            for host in self.hosts
        }
        self.register_outputs({})

    def _take(self, site: HostSite, hosts: Sequence[Connection], rolling: int) -> None:
        self.site, self.app, self.owner, self.stack = site, site.app, site.owner, site.stack
        self.hosts, self.rolling, self.places = tuple(hosts), rolling, site.places
        self.revision = site.revision
        self.live_socket, self.tls_root = str(self.places.live), str(self.places.tls)
        self.static_root, self.media_root = str(self.places.static), str(self.places.media)
        self.pages_root, self.maintenance_file = str(self.places.pages), str(self.places.maintenance)
        self._publish = ("0.0.0.0", 80)
        self._proxy: pulumi.Input[str] = ""
        self._told: dict[pulumi.Resource, pulumi.Output[str]] = {}

    def release(self, name: str, spec: ReleaseSpec, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Code and environment on every host; returns the folder. Old ones are collected when the engine drops the release."""
        request = self.site.release(spec)
        steps = [
            command(
                f"{name}-{label(host)}",
                "release",
                self._with_others(host, spec.kept),
                json.dumps(request),
                parent,
                delete="collect",
                after=[ready],
            )
            for host, ready in self.ready.items()
        ]
        folder = str(self.places.release(spec.release))
        return pulumi.Output.all(*(step.stdout for step in steps)).apply(lambda _: folder)

    def env_file(
        self, name: str, env_id: str, text: pulumi.Output[str], parent: pulumi.Resource, observed: str = ""
    ) -> pulumi.Output[str]:
        """The env file on every host, for root and the site's group."""

        def request(content: str) -> str:
            return requests.EnvRequest(app=self.app, owner=self.owner, env_id=env_id, text=content).json()

        secret: pulumi.Output[str] = pulumi.Output.secret(text).apply(request)  # type: ignore[arg-type]
        steps = [
            command(
                f"{name}-{label(host)}", "env", [host], secret, parent, delete="collect-env", after=[ready], observed=observed
            )
            for host, ready in self.ready.items()
        ]
        return pulumi.Output.unsecret(pulumi.Output.all(*(step.stdout for step in steps))).apply(lambda _: env_id)

    def task(
        self,
        name: str,
        task: str,
        code: pulumi.Input[str],
        spec: TaskSpec,
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        """A release task on every host; a migration on the first one only.

        Of a kept release the other hosts are asked whether what its tasks left is still there: one may have been rebuilt.
        """

        def request(task: str, rules: dict[str, str | bool]) -> Callable[[str], str]:
            told = self.site.task(spec, task, rules).json()
            return lambda _: told

        steps: list[local.Command] = []

        def make(group: pulumi.Resource) -> list[local.Command]:
            seen = spec.observed
            if task != "migrate":
                text = _text(code, request(task, {}))
                steps.extend(
                    command(f"{name}-{label(h)}", "task", [h], text, group, after=after, observed=seen) for h in self.hosts
                )
                return steps
            first, *rest = self.hosts
            text = _text(code, request(task, spec.rules))
            steps.append(command(name, "task", [first], text, group, after=after, once=True, observed=seen))
            for host in rest if spec.kept else ():
                text = _text(code, request("complete", {"kept": True, "complete": True}))
                steps.append(command(f"{name}-{label(host)}", "task", [host], text, group, after=after, observed=seen))
            return steps

        together = self._together(name, parent, make)
        self._told[together] = steps[0].stdout
        return together

    def told(self, step: pulumi.Resource) -> pulumi.Output[str]:
        """What a task had to say on the first host."""
        return self._told[step]

    def instance(
        self,
        name: str,
        code: pulumi.Input[str],
        spec: InstanceSpec,
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource],
    ) -> pulumi.Resource:
        """The instance on every host, healthy on its own socket; on delete it is drained, stopped and removed."""

        text = _text(code, lambda _: self.site.instance(spec).json())
        return self._together(
            name,
            parent,
            lambda group: [
                command(f"{name}-{label(h)}", "start", [h], text, group, delete="stop", after=after, observed=spec.observed)
                for h in self.hosts
            ],
        )

    def certificate(self, name: str, spec: CertificateSpec, address: str, port: int, parent: pulumi.Resource) -> pulumi.Resource:
        """The certificate on every host; the running Nginx takes it over."""
        return self._together(name, parent, lambda group: tls.put(name, self, spec, (address, port), group))

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
        """By the distribution's client and a timer; Nginx goes on with what it has until then."""
        return tls.issue(name, self, spec, (address, port), parent, after, observed)

    def proxy(
        self,
        name: str,
        spec: ProxySpec,
        publish: tuple[str, int],
        parent: pulumi.Resource,
        after: Sequence[pulumi.Resource] = (),
        observed: str = "",
    ) -> pulumi.Resource:
        """The site of the distribution's Nginx on every host."""
        self._publish = publish
        request = self.site.proxy(name, spec, publish).json()
        steps: list[local.Command] = []

        def make(group: pulumi.Resource) -> list[local.Command]:
            for host, ready in self.ready.items():
                own, asked = f"{name}-{label(host)}", self._with_others(host, bool(spec.kept))
                needs = [ready, *after]
                steps.append(command(own, "proxy", asked, request, group, delete="remove-proxy", after=needs, observed=observed))
            return steps

        group = self._together(name, parent, make)
        self._proxy = steps[0].stdout
        return group

    def traffic(
        self, name: str, spec: TrafficSpec, parent: pulumi.Resource, after: Sequence[pulumi.Resource]
    ) -> pulumi.Output[Mapping[str, object]]:
        """The rename of ``live.sock`` on all hosts, or on none."""

        def request(proxy: str) -> str:
            return json.dumps(self.site.traffic(spec, self._publish, proxy))

        text = _text(self._proxy, request)
        step = command(
            name, "switch", self.hosts, text, parent, delete="off", after=after, observed=spec.observed, rolling=self.rolling
        )
        return step.stdout.apply(json.loads)

    def _with_others(self, host: Connection, kept: bool) -> list[Connection]:
        """The host; and where something is only to be found, the others that may have what this one has lost."""
        return [host, *(other for other in self.hosts if kept and other != host)]

    def _together(
        self, name: str, parent: pulumi.Resource, make: Callable[[pulumi.Resource], Sequence[pulumi.Resource]]
    ) -> pulumi.Resource:
        """Steps on several hosts as one resource: what depends on it waits for all of them."""
        group = pulumi.ComponentResource("gateway:index:Hosts", name, None, pulumi.ResourceOptions(parent=parent))
        make(group)
        group.register_outputs({})
        return group


def _text(value: pulumi.Input[str], render: Callable[[str], str]) -> pulumi.Output[str]:
    return pulumi.Output.from_input(value).apply(render)
