"""The ways to deploy: ours, Ansible, pyinfra, by hand. Each brings an interface to all hosts, and may change the code."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from tests.hosting import HostDeployment
from tests.live.hosts import TestHost

HERE = Path(__file__).parent
TOOLS = Path(".gateway/bench-peers")
PACKAGES = ("ansible-core>=2.17", "pyinfra>=3.10")
COMMANDS = {"wsgi": "gunicorn --workers 3 --bind 127.0.0.1:8000 shop.wsgi:application"}
COMMANDS["asgi"] = "uvicorn --workers 3 --host 127.0.0.1 --port 8000 --lifespan off shop.asgi:application"
UNIT = """[Unit]
After=network.target
[Service]
User=peer
WorkingDirectory=/srv/peer/current
EnvironmentFile=/etc/peer/peer.env
Environment=GATEWAY_INTERFACE={interface}
ExecStart={venv}/bin/{command}
Restart=always
RestartSec=5
TimeoutStopSec=30
[Install]
WantedBy=multi-user.target
"""
SITE = """server {
    listen 8081;
    location /static/ { alias /srv/peer/current/staticfiles/; }
    location / {
        proxy_pass http://127.0.0.1:8000;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
}
"""


def tools() -> Path:
    """Folder of the peers' programs, installed once into an environment of their own."""
    if not (TOOLS / "bin/pyinfra").exists():
        uv = find_uv_bin()
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(TOOLS)], check=True)
        command = [uv, "pip", "install", "--quiet", "--system-certs", "--python", str(TOOLS / "bin/python"), *PACKAGES]
        subprocess.run(command, check=True)
    return (TOOLS / "bin").resolve()


class Way(ABC):
    """One way; ``port`` and ``domain`` are where its site answers on each host."""

    name: str
    port: int
    domain: str

    @abstractmethod
    def bring(self, interface: str) -> None:
        """Deploy with that interface; returns when the tool says that it is done."""

    @abstractmethod
    def change(self, text: str) -> None:
        """Another release: a static file with that text."""

    @abstractmethod
    def back(self) -> None:
        """To the release before the last change, and to WSGI, which it had."""


class Ours(Way):
    """``pulumi up``."""

    name, port = "gateway", 80

    def __init__(self, site: HostDeployment) -> None:
        self.site, self.domain = site, site.domain

    def bring(self, interface: str) -> None:
        self.site.config["interface"] = interface
        self.site.write_config()
        done = self.site.pulumi("up", "--yes", "--skip-preview")
        if done.status:
            raise RuntimeError(done.text)

    def change(self, text: str) -> None:
        (self.site.source / "store/static/store/note.txt").write_text(text)

    def back(self) -> None:
        done = self.site.rollback(None, "--yes")
        if done.status:
            raise RuntimeError(done.text)


class OursWithStandby(Ours):
    """The instance from before is kept running."""

    name = "gateway, standby"

    def bring(self, interface: str) -> None:
        self.site.config["standby"] = True
        super().bring(interface)


@dataclass
class Peer(Way):
    """What the peers' site is made of, in ``folder``."""

    hosts: Sequence[TestHost]
    folder: Path
    venv: str
    env: dict[str, str]
    before = ""
    port = 8081
    domain = "peer.example"

    def prepare(self, source: Path) -> None:
        """Files of the site."""
        shutil.copytree(source, self.folder / "code", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        (self.folder / "peer.env").write_text("".join(f"{key}={value}\n" for key, value in self.env.items()))
        (self.folder / "peer.conf").write_text(SITE)
        self._pack()

    def change(self, text: str) -> None:
        note = self.folder / "code/store/static/store/note.txt"
        self.before = note.read_text() if note.exists() else ""
        note.write_text(text)
        self._pack()

    def back(self) -> None:
        self.change(self.before)
        self.bring("wsgi")

    def _pack(self) -> None:
        with tarfile.open(self.folder / "code.tar", "w") as tar:
            tar.add(self.folder / "code", ".")

    def write_unit(self, interface: str) -> None:
        """The unit for that interface, as text and for Ansible."""
        text = UNIT.format(interface=interface, venv=self.venv, command=COMMANDS[interface])
        for name in ("peer.service", "peer.service.j2"):
            (self.folder / name).write_text(text)

    def tool(self, *command: str, **env: str) -> None:
        """Run a peer's program."""
        done = subprocess.run(command, env={**os.environ, **env}, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout[-3000:] + done.stderr[-3000:])

    @property
    def login(self) -> str:
        return "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"


class Ansible(Peer):
    """ansible-core with pipelining and kept connections."""

    name = "ansible-core"

    def bring(self, interface: str) -> None:
        self.write_unit(interface)
        inventory = "".join(f"{host.address} ansible_user=root ansible_ssh_private_key_file={host.key}\n" for host in self.hosts)
        (self.folder / "inventory").write_text(inventory)
        given = {"folder": str(self.folder), "venv": self.venv, "django": self.env}
        self.tool(
            str(tools() / "ansible-playbook"),
            *("-i", "inventory", "-e", json.dumps(given), str(HERE.resolve() / "ansible.yml")),
            ANSIBLE_HOST_KEY_CHECKING="False",
            ANSIBLE_PIPELINING="True",
            ANSIBLE_FORKS="10",
            ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3",
            ANSIBLE_SSH_ARGS=f"-o ControlMaster=auto -o ControlPersist=60s {self.login}",
            ANSIBLE_LOCALHOST_WARNING="False",
        )


class Pyinfra(Peer):
    """pyinfra, by its command line."""

    name = "pyinfra"

    def bring(self, interface: str) -> None:
        self.write_unit(interface)
        names = [host.address for host in self.hosts]
        self.tool(
            str(tools() / "pyinfra"),
            *("-y", ",".join(names), "--user", "root", "--key", str(self.hosts[0].key)),
            *("--data", "ssh_strict_host_key_checking=off", str(HERE.resolve() / "pyinfra_deploy.py")),
            PEER_FOLDER=str(self.folder),
            PEER_VENV=self.venv,
            PEER_FIRST=names[0],
        )


class ByHand(Peer):
    """The article's words: stop one, start the other, reload Nginx, on one host after the other."""

    name = "by hand"

    def bring(self, interface: str) -> None:
        self.write_unit(interface)
        text = (self.folder / "peer.service").read_text()
        other = {"wsgi": "uvicorn", "asgi": "gunicorn"}[interface]
        mine = {"wsgi": "gunicorn", "asgi": "uvicorn"}[interface]
        script = (
            f"cat > /etc/systemd/system/{mine}.service; systemctl daemon-reload; systemctl stop peer {other} 2>/dev/null; "
            f"systemctl start {mine}; systemctl reload nginx"
        )
        for host in self.hosts:
            command = ["ssh", "-i", str(host.key), *self.login.split(), "-o", "LogLevel=ERROR", f"root@{host.address}", script]
            subprocess.run(command, input=text, text=True, check=True, capture_output=True)

    def rest(self) -> None:
        """Leave the port to the next way."""
        for host in self.hosts:
            host.run("systemctl", "stop", "gunicorn", "uvicorn", check=False)
