"""Containers, volumes and network of a benchmark: named ``gateway-bench-...``, and gone when it ends, whatever happens."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
NGINX_IMAGES = ("gateway/base-nginx:stable", "nginx:stable")


class Missing(Exception):
    """What a benchmark needs is not there; exit status 3."""


def docker(*args: str, check: bool = True) -> str:
    """Standard output of ``docker ...``; raises with Docker's own words."""
    result = subprocess.run(["docker", *args], capture_output=True, text=True, check=False)
    if check and result.returncode:
        raise RuntimeError(f"docker {' '.join(args[:3])}: {result.stderr.strip()}")
    return result.stdout.strip()


def release_image(app: str) -> str:
    """The newest release of ``app`` on this engine."""
    found = docker("images", f"gateway/{app}", "--format", "{{.Repository}}:{{.Tag}}").splitlines()
    if not found:
        raise Missing(f"no image gateway/{app}:<release> on this engine; way out: make up")
    return found[0]


def nginx_image() -> str:
    """The one that the gateway uses here."""
    for name in NGINX_IMAGES:
        if docker("images", "--quiet", name):
            return name
    raise Missing(f"none of {', '.join(NGINX_IMAGES)} is on this engine; way out: make up")


@dataclass
class Lab:
    """Makes containers of one release image, all with the same database file and the same static files."""

    image: str
    nginx: str
    folder: Path
    """For files that containers mount."""
    prefix: str = field(default_factory=lambda: f"gateway-bench-{os.getpid()}")
    containers: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    network: str = ""
    """A network of its own: the engine's default one may be missing."""

    @property
    def variables(self) -> dict[str, str]:
        """The app's environment."""
        return {
            "SECRET_KEY": self.secret,
            "ALLOWED_HOSTS": "localhost",
            "DATABASE_URL": "sqlite:////data/db.sqlite3",
            "STATIC_ROOT": "/data/static",
            "DJANGO_SETTINGS_MODULE": "shop.settings",
        }

    def __post_init__(self) -> None:
        self.secret = secrets.token_urlsafe(40)

    def volume(self, name: str) -> str:
        """A new volume that any user in a container may write."""
        made = docker("volume", "create", f"{self.prefix}-{name}")
        self.volumes.append(made)
        docker("run", "--rm", "--network", "none", "--user", "0", "--volume", f"{made}:/v", self.image, "chmod", "1777", "/v")
        return made

    def prepare(self) -> None:
        """Network, database and static files, once for all."""
        docker("network", "create", f"{self.prefix}-net")
        self.network = f"{self.prefix}-net"
        self.data = self.volume("data")
        for task in ("migrate", "collectstatic"):
            docker(
                "run",
                "--rm",
                "--network",
                "none",
                *self._app("--volume", f"{self.data}:/data"),
                self.image,
                "python3",
                "manage.py",
                task,
                "--noinput",
            )

    def app(self, name: str, argv: Sequence[str], *options: str, start: bool = True) -> str:
        """A container that runs the release with ``argv``."""
        beside = () if "--network" in options else ("--network", "none")
        return self._make(name, [*self._app("--volume", f"{self.data}:/data"), *beside, *options], self.image, argv, start)

    def proxy(self, name: str, configuration: str, *options: str) -> str:
        """An Nginx container with that ``nginx.conf``, started."""
        (self.folder / name).mkdir(exist_ok=True)
        (self.folder / name / "nginx.conf").write_text(configuration)
        mount = f"{self.folder / name}:/etc/bench:ro"
        argv = ["nginx", "-c", "/etc/bench/nginx.conf", "-g", "daemon off;"]
        return self._make(name, ["--volume", mount, "--network", self.network, *options], self.nginx, argv, True)

    def rewrite(self, name: str, configuration: str) -> None:
        """Another ``nginx.conf`` for that proxy; nothing is reloaded."""
        (self.folder / name / "nginx.conf").write_text(configuration)

    def name(self, short: str) -> str:
        """A container's full name."""
        return f"{self.prefix}-{short}"

    def address(self, container: str) -> str:
        """IP address on the lab's network: no port is published, so Docker's proxy process is not in the way."""
        return docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container)

    def _app(self, *more: str) -> list[str]:
        return [*more, *(part for name, value in self.variables.items() for part in ("--env", f"{name}={value}"))]

    def _make(self, name: str, options: Sequence[str], image: str, argv: Sequence[str], start: bool) -> str:
        full = self.name(name)
        docker("create", "--name", full, "--entrypoint", argv[0], *options, image, *argv[1:])
        self.containers.append(full)
        if start:
            docker("start", full)
        return full

    def remove(self) -> None:
        """Everything that this lab has made."""
        if self.containers:
            docker("rm", "--force", "--volumes", *self.containers, check=False)
        if self.volumes:
            docker("volume", "rm", "--force", *self.volumes, check=False)
        if self.network:
            docker("network", "rm", self.network, check=False)


@contextmanager
def lab(app: str) -> Iterator[Lab]:
    """A prepared lab for the newest release of ``app``."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was made is removed then too
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as folder:
        os.chmod(folder, 0o755)
        made = Lab(release_image(app), nginx_image(), Path(folder))
        try:
            made.prepare()
            yield made
        finally:
            made.remove()


def machine() -> dict[str, object]:
    """What a figure depends on."""
    return {"cpus": os.cpu_count(), "load_average": round(os.getloadavg()[0], 2), "commit": _commit()}


def _commit() -> str:
    told = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip()
