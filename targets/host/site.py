"""What the program on a host is asked for a site: pure, from what a component asks of a target."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rendering import units
from rendering.identity import short_hash
from rendering.nginx import ProxySpec, default_site, default_tls_site, site
from rendering.seconds import STOP_SECONDS, UPSTREAM_SECONDS
from rendering.templates import FOLDER
from targets.base import CodeSpec, InstanceSpec, ReleaseSpec, TaskSpec, TrafficSpec
from targets.host.agent import requests
from targets.host.agent.places import ENTRIES, NGINX_GROUP, Places
from targets.host.agent.releases import OWN
from targets.host.confined import task_properties, writable

ENTRY = tuple(Path(__file__).parents[1] / "common" / name for name in ENTRIES)
BROUGHT = (*ENTRY, *sorted((FOLDER / "systemd").glob("app*.j2")))
"""What the target itself puts into an instance."""
FIRST_PORT, PORTS = 20000, 10000
"""Where the ports of the plain form are."""


@dataclass(frozen=True)
class HostSite:
    """A site on hosts: ``owner`` is the stack that it belongs to, ``stack`` another one that has joined it ('' for the first).

    ``plain`` and ``memory`` as in ``HostTarget``.
    """

    app: str
    owner: str
    stack: str = ""
    plain: bool = False
    memory: tuple[str, str] = ("", "")

    @property
    def places(self) -> Places:
        """Its files and folders on every host."""
        return Places(self.app)

    @property
    def user(self) -> str:
        """Who runs its code."""
        return NGINX_GROUP if self.plain else self.app

    @property
    def revision(self) -> str:
        """Hash of what the target itself decides about an instance; with the same config a joined stack's are its own."""
        own = short_hash(*(path.read_text() for path in BROUGHT), units.HARDENING, self.plain, self.memory)
        return short_hash(own, self.stack) if self.stack else own

    def release(self, spec: ReleaseSpec) -> dict[str, Any]:
        """Code and environment."""
        return {
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

    def task(self, spec: TaskSpec, task: str, rules: dict[str, str | bool]) -> requests.TaskRequest:
        """A release task."""
        return requests.TaskRequest(
            **self._code(spec),
            task=task,
            properties=task_properties(self.app, plain=self.plain),
            rules=rules,
            site=dict(spec.site) if task == "check" else {},
        )

    def proxy(self, name: str, spec: ProxySpec, publish: tuple[str, int]) -> requests.ProxyRequest:
        """The site of the distribution's Nginx."""
        address, port = publish
        tls_port = spec.public[1] if spec.listen_tls else 0
        own = replace(
            spec,
            listen=port,
            listen_tls=tls_port,
            address="" if address == "0.0.0.0" else address,
            upstream_file=str(self.places.upstream),
        )
        return requests.ProxyRequest(
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
        )

    def traffic(self, spec: TrafficSpec, publish: tuple[str, int], proxy: str) -> dict[str, Any]:
        """The rename of ``live.sock``, and what is noted beside it; ``proxy`` is the configuration's hash."""
        address, port = publish
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
        )
        noted = {"source": spec.source, "rendered_from": spec.rendered_from, "back": spec.back, "proxy": proxy}
        return {**json.loads(about.json()), "noted": noted}

    def instance(self, spec: InstanceSpec) -> requests.InstanceRequest:
        """An instance: its units and how its health is asked for."""
        entry = short_hash(*(path.read_text() for path in ENTRY))
        own = self._unit(spec, entry)
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
            port=own.port,
            host=spec.health_host,
            path=spec.health_path,
            timeout=spec.health_timeout,
            scheme=spec.scheme,
            drain_seconds=spec.drain_seconds,
            upstream_seconds=UPSTREAM_SECONDS,
            stop_seconds=STOP_SECONDS,
        )

    def _unit(self, spec: InstanceSpec, entry: str) -> units.UnitSpec:
        port = FIRST_PORT + int(spec.instance, 16) % PORTS if self.plain else 0
        release = self.places.release(spec.release)
        socket = str(self.places.socket(spec.instance))
        return units.UnitSpec(
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


def _plain(word: str, port: int) -> str:
    """Daphne is told what kind of socket it inherits; all others see for themselves."""
    return word.replace("systemd:domain=UNIX", "systemd:domain=INET") if port else word
