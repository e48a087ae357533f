"""Where the parts of a site are on a host. Nothing else of the host is written to."""

from dataclasses import dataclass
from pathlib import Path

LIBRARY = Path("/usr/local/lib/gateway")
"""Agents, each in a folder named by its content, and uv."""
COMMAND = Path("/usr/local/bin/gateway")
UNITS = Path("/etc/systemd/system")
TMPFILES = Path("/etc/tmpfiles.d")
LOCKS = Path("/run/lock")
SITES = Path("/etc/nginx/sites-available")
ENABLED = Path("/etc/nginx/sites-enabled")
ENTRIES = ("gateway_entry.py", "gateway_settings.py")
"""What an instance gets beside its release."""
NOBODY = Path("/etc/nginx/gateway-nobody")
"""A certificate for no name, where Nginx is too old to refuse a handshake without one."""
NGINX_GROUP = "www-data"
"""User and group of the distribution's Nginx; also the user of the plain form (``serving: tcp``)."""


@dataclass(frozen=True)
class Places:
    """Folders and files of the site ``app``."""

    app: str

    @property
    def root(self) -> Path:
        return Path("/srv", self.app)

    @property
    def etc(self) -> Path:
        return Path("/etc", self.app)

    @property
    def run(self) -> Path:
        """Sockets; a tmpfs, so empty after a reboot until systemd makes them again."""
        return Path("/run", self.app)

    @property
    def owner(self) -> Path:
        """Whose site it is: project and stack."""
        return self.etc / "owner"

    @property
    def serving(self) -> Path:
        """JSON: the live instance and the one before."""
        return self.etc / "serving.json"

    @property
    def env(self) -> Path:
        return self.etc / "env"

    def env_file(self, env_id: str) -> Path:
        return self.env / f"{env_id}.env"

    @property
    def live_env(self) -> Path:
        """Link to the live instance's env file."""
        return self.etc / f"{self.app}.env"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    def release(self, release: str) -> Path:
        return self.releases / release

    @property
    def current(self) -> Path:
        """Link to the live release."""
        return self.root / "current"

    @property
    def venvs(self) -> Path:
        return self.root / "venvs"

    @property
    def entries(self) -> Path:
        """``ENTRIES``, one folder for each of its versions."""
        return self.root / "entries"

    @property
    def instances(self) -> Path:
        """A JSON file per instance: what it is made of, so that it can be started again by hand."""
        return self.root / "instances"

    @property
    def facts(self) -> Path:
        """What a release says of itself: its static manifest, and what its settings say of files."""
        return self.root / "facts"

    @property
    def static(self) -> Path:
        return self.root / "static"

    @property
    def media(self) -> Path:
        return self.root / "media"

    @property
    def data(self) -> Path:
        """Files that the project may write and nobody serves, such as an SQLite database."""
        return self.root / "data"

    @property
    def live(self) -> Path:
        return self.run / "live.sock"

    def socket(self, instance: str) -> Path:
        return self.run / f"{instance}.sock"

    def parked(self, instance: str) -> Path:
        """The socket of a standby while its last streams are told to end."""
        return self.run / f"{instance}.sock.parked"

    def unit(self, instance: str) -> str:
        """Name of the units without their ending."""
        return f"{self.app}-{instance}"

    @property
    def server_line(self) -> str:
        """What ``upstream`` says but in the plain form."""
        return f"server unix:{self.live} fail_timeout=0;\n"

    @property
    def tmpfiles(self) -> Path:
        return TMPFILES / f"gateway-{self.app}.conf"

    @property
    def site(self) -> Path:
        return SITES / f"{self.app}.conf"

    @property
    def access_log(self) -> Path:
        """What Nginx answered, as the site's template says."""
        return Path("/var/log/nginx", f"{self.app}.access.log")

    @property
    def sites(self) -> Path:
        """Every site that was ever applied, by its hash."""
        return self.etc / "sites"

    @property
    def pages(self) -> Path:
        """What people see when the project does not answer; a folder for each version."""
        return self.root / "pages"

    @property
    def maintenance(self) -> Path:
        """Who is shown the maintenance page, as Nginx's ``geo`` reads it."""
        return self.etc / "maintenance.geo"

    @property
    def tls(self) -> Path:
        """Certificates, apart from releases (``targets.common.pairs``)."""
        return self.etc / "tls"

    @property
    def acme(self) -> Path:
        """Account key and configuration of the ACME client."""
        return self.etc / "acme"

    @property
    def renewal(self) -> str:
        """Name of the units that renew the certificate, without their ending."""
        return f"gateway-{self.app}-certificate"

    @property
    def upstream(self) -> Path:
        """Where Nginx finds the live instance: by ``live.sock``, or in the plain form by its port."""
        return self.etc / "upstream.conf"
