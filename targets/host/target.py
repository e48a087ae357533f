"""The host target: which step on which host stands for what a component asks."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
from pulumi_command import local

from rendering import monitoring, units
from rendering.identity import short_hash
from rendering.nginx import ProxySpec, default_site, default_tls_site, site
from rendering.seconds import STOP_SECONDS, UPSTREAM_SECONDS
from rendering.templates import FOLDER
from targets.base import CodeSpec, InstanceSpec, ReleaseSpec, TaskSpec, TrafficSpec
from targets.certificate import CertificateSpec
from targets.host import tls
from targets.host.agent import requests
from targets.host.agent.places import ENTRIES, NGINX_GROUP, Places
from targets.host.agent.releases import OWN
from targets.host.client.connection import Connection
from targets.host.commands import command, label
from targets.host.confined import task_properties, writable

ENTRY = tuple(Path(__file__).parents[1] / "common" / name for name in ENTRIES)
BROUGHT = (*ENTRY, *sorted((FOLDER / "systemd").glob("app*.j2")))
"""What the target itself puts into an instance."""
FIRST_PORT, PORTS = 20000, 10000
"""Where the ports of the plain form are."""


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
        self._take(app, owner, hosts, rolling, plain, memory)
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

    def _take(
        self, app: str, owner: str, hosts: Sequence[Connection], rolling: int, plain: bool, memory: tuple[str, str]
    ) -> None:
        self.app, self.owner, self.stack, self.hosts, self.rolling = app, owner, "", tuple(hosts), rolling
        self.plain, self.memory, self.places = plain, memory, Places(app)
        self.user = NGINX_GROUP if plain else app
        self.revision = short_hash(*(path.read_text() for path in BROUGHT), units.HARDENING, plain, memory)
        self.live_socket = str(self.places.live)
        self.static_root, self.media_root = str(self.places.static), str(self.places.media)
        self.pages_root, self.maintenance_file = str(self.places.pages), str(self.places.maintenance)
        self.tls_root = str(self.places.tls)
        self._publish = ("0.0.0.0", 80)
        self._proxy: pulumi.Input[str] = ""
        self._told: dict[pulumi.Resource, pulumi.Output[str]] = {}

    def release(self, name: str, spec: ReleaseSpec, parent: pulumi.Resource) -> pulumi.Output[str]:
        """Code and environment on every host; returns the folder. Old ones are collected when the engine drops the release."""
        request = {
            "app": self.app,
            "owner": self.owner,
            "release": spec.release,
            "keep": spec.keep,
            "source": spec.source,
            "ref": spec.ref,
            "digest": spec.digest,
            "requirements": spec.requirements,
            "packages": spec.packages,
            "python": spec.python,
            "settings_module": spec.settings_module,
            "migrations": spec.migrations,
        }
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
            told = requests.TaskRequest(
                **self._code(spec),
                task=task,
                properties=task_properties(self.app, plain=self.plain),
                rules=rules,
                site=dict(spec.site) if task == "check" else {},
            ).json()
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

        def request(_: str) -> str:
            return self._instance(spec).json()

        text = _text(code, request)
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
        address, port = publish
        tls_port = spec.public[1] if spec.listen_tls else 0
        own = replace(
            spec,
            listen=port,
            listen_tls=tls_port,
            address="" if address == "0.0.0.0" else address,
            upstream_file=str(self.places.upstream),
        )
        request = requests.ProxyRequest(
            app=self.app,
            owner=self.owner,
            site=site(own, self.app),
            default=default_site(own),
            address=address,
            port=port,
            host=spec.domains[0],
            pages={f"{spec.pages_id}/{name}": text for name, text in spec.pages.items()},
            maintenance=spec.maintenance,
            kept=spec.kept,
            tls_port=tls_port,
            tls_default=default_tls_site(own) if tls_port else "",
        ).json()
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
        address, port = self._publish
        about = requests.TrafficRequest(
            app=self.app,
            owner=self.owner,
            stack=self.stack,
            instance=spec.instance,
            interface=spec.interface,
            server=spec.server,
            release=spec.release,
            host=spec.health_host,
            path=spec.health_path,
            address=address,
            port=port,
            watch_seconds=spec.watch_seconds,
            watch_errors=spec.watch_errors,
            standby=spec.standby,
        ).json()
        noted = {"source": spec.source, "rendered_from": spec.rendered_from, "back": spec.back}

        def request(proxy: str) -> str:
            return json.dumps({**json.loads(about), "noted": {**noted, "proxy": proxy}})

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

    def _code(self, spec: CodeSpec) -> dict[str, Any]:
        return {
            "app": self.app,
            "owner": self.owner,
            "user": self.user,
            "release": spec.release,
            "env_id": spec.env_id,
            "secret_names": spec.secret_names,
            "settings_module": spec.settings_module,
        }

    def _instance(self, spec: InstanceSpec) -> requests.InstanceRequest:
        port = FIRST_PORT + int(spec.instance, 16) % PORTS if self.plain else 0
        release = self.places.release(spec.release)
        entry = short_hash(*(path.read_text() for path in ENTRY))
        socket = str(self.places.socket(spec.instance))
        own = units.UnitSpec(
            app=self.app,
            instance=spec.instance,
            interface=spec.interface,
            server=spec.server,
            release=spec.release,
            user=self.user,
            release_folder=str(release),
            env_file=str(self.places.env_file(spec.env_id)),
            program=str(release / OWN / "venv/bin"),
            argv=[_plain(word, port) for word in (*spec.argv[:-1], "gateway_entry:application")],
            environment=(
                ("DJANGO_SETTINGS_MODULE", spec.settings_module),
                ("GATEWAY_RELEASE", spec.release),
                ("GATEWAY_INTERFACE", spec.interface),
                ("GATEWAY_SERVER", spec.server),
                ("GATEWAY_INSTANCE", spec.instance),
                ("GATEWAY_STACK", self.stack or self.owner),
                ("GATEWAY_ENTRY_POINT", spec.argv[-1]),
                ("GATEWAY_SOCKET", socket),
                ("PYTHONPATH", f"{self.places.entries / entry}:{release}"),
                ("PYTHONDONTWRITEBYTECODE", "1"),
            ),
            listen=f"127.0.0.1:{port}" if port else socket,
            port=port,
            nginx_group=NGINX_GROUP,
            writable=writable(self.places),
            start_seconds=spec.health_timeout + 30,
            memory_high=self.memory[0],
            memory_max=self.memory[1],
        )
        return requests.InstanceRequest(
            **self._code(spec),
            stack=self.stack,
            instance=spec.instance,
            interface=spec.interface,
            server=spec.server,
            service=units.service(own),
            socket=units.socket(own),
            again=units.again(own),
            entry=entry,
            port=port,
            host=spec.health_host,
            path=spec.health_path,
            timeout=spec.health_timeout,
            scheme=spec.scheme,
            drain_seconds=spec.drain_seconds,
            upstream_seconds=UPSTREAM_SECONDS,
            stop_seconds=STOP_SECONDS,
        )


def _plain(word: str, port: int) -> str:
    """Daphne is told what kind of socket it inherits; all others see for themselves."""
    return word.replace("systemd:domain=UNIX", "systemd:domain=INET") if port else word


def _text(value: pulumi.Input[str], render: Callable[[str], str]) -> pulumi.Output[str]:
    return pulumi.Output.from_input(value).apply(render)
