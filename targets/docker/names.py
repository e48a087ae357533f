"""Names and places of one site on a Docker engine."""

from dataclasses import dataclass
from pathlib import Path

from rendering.identity import short_hash

SOCKETS = "/run/gateway"
"""Where the volume with the instances' sockets and ``live.sock`` is mounted, in every container of the site."""
LIVE = f"{SOCKETS}/live.sock"
STANDBY = f"{SOCKETS}/standby"
"""A file with the id of the instance that is kept running although it does not serve."""
ENV = "/etc/gateway/env"
STATIC = "/srv/static"
FILES = f"{STATIC}/files"
"""What Nginx serves below /static/."""
FACTS = f"{STATIC}/releases"
"""What a release says of itself: its static manifest, and what its settings say of files."""
MEDIA = "/srv/media"
PROXY = "/etc/gateway/nginx"
PAGES = f"{PROXY}/pages"
MAINTENANCE = f"{PROXY}/maintenance.geo"
TLS = "/etc/gateway/tls"
"""Certificates, apart from releases (``targets.common.pairs``), in Nginx's container and in the one that asks for them."""
ACME = "/var/lib/gateway/acme"
"""The ACME client's account; Nginx does not see it."""
PROXY_ENTRY = f"{PROXY}/entrypoint.sh"
"""With TLS, what starts Nginx and sees to it that it takes over another certificate."""
INSIDE = "/gateway/inside.py"
SCHEMA = "/gateway/schema.py"
BROUGHT = tuple(Path(__file__).parents[1] / "common" / name for name in ("inside.py", "gateway_entry.py", "gateway_settings.py"))
"""What every container gets in /gateway beside the image."""
REVISION = short_hash(*(path.read_text() for path in BROUGHT))
"""Hash of that: a newer gateway may be another instance."""
GUARD = Path(__file__).parents[1] / "common/schema.py"
TASKS = (GUARD, GUARD.with_name("settings_facts.py"))
"""What tasks get too: no part of an instance."""

ROOT = Path(__file__).resolve().parents[2]
_CERTIFICATES = ("__init__", "common/__init__", "common/errors", "common/acme", "common/certificates", "common/pairs")
CERTIFICATES = tuple(ROOT / "targets" / f"{name}.py" for name in _CERTIFICATES)
"""What containers that handle certificates get, in /gateway."""

LABEL_APP = "gateway.app"
LABEL_OWNER = "gateway.owner"
LABEL_STACK = "gateway.stack"
"""On instances: the stack that they are of, where several share a site."""
LABEL_ROLE = "gateway.role"
LABEL_INSTANCE = "gateway.instance"
LABEL_RELEASE = "gateway.release"
LABEL_PROCESS = "gateway.process"
"""On containers that live no longer than a step: ``host:pid`` of the agent that made them."""
LABEL_SETTINGS = "gateway.settings"
LABEL_MIGRATIONS = "gateway.migrations"

SERVICE_SOCKETS = {"postgres": "/var/run/postgresql", "redis": "/run/redis"}
"""Where a data service makes its socket, in its own container and in the app's."""


@dataclass(frozen=True)
class Names:
    """What the containers, volumes and images of ``app`` are called."""

    app: str

    @property
    def network(self) -> str:
        return self.app

    @property
    def proxy(self) -> str:
        """Nginx's container."""
        return f"{self.app}-nginx"

    @property
    def acme(self) -> str:
        """The container that asks an ACME server for certificates."""
        return f"{self.app}-acme"

    def instance(self, instance: str) -> str:
        """The container of an instance."""
        return f"{self.app}-{instance}"

    @staticmethod
    def unfinished(name: str) -> str:
        """What a container is called until all of its files are in it."""
        return f"{name}.unfinished"

    def image(self, release: str) -> str:
        """The tag of a release's image."""
        return f"gateway/{self.app}:{release}"

    def served(self, release: str) -> str:
        """A second tag of an image whose release has served: what never served takes no place of one that did."""
        return f"gateway/{self.app}-served:{release}"

    def dependencies(self, digest: str) -> str:
        """The tag of an image with the dependencies that releases share."""
        return f"gateway/{self.app}-dependencies:{digest}"

    def volume(self, role: str) -> str:
        """``sockets``, ``env``, ``static``, ``media``, ``nginx``, with TLS ``tls`` and ``acme``.

        With a service its name and ``<service>-socket``.
        """
        return f"{self.app}-{role}"

    def mounts(self, services: tuple[str, ...]) -> dict[str, str]:
        """Volume name -> path, for containers that run the app's code (media is mounted where the project's settings put it)."""
        own = {self.volume("sockets"): SOCKETS, self.volume("env"): ENV, self.volume("static"): STATIC}
        return own | {self.volume(f"{service}-socket"): SERVICE_SOCKETS[service] for service in services}


def socket_name(instance: str) -> str:
    """An instance's socket, beside ``live.sock``."""
    return f"{instance}.sock"
