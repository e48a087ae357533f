"""Real Linux hosts for tests: Debian with systemd as process 1, an SSH server and Nginx, each in a container of its own.

The image is made once by debootstrap from this machine's own Debian mirror, and stays in the engine.
"""

import contextlib
import hashlib
import io
import itertools
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.types
import pytest
from docker.errors import APIError, ImageNotFound, NotFound
from docker.models.containers import Container

from targets.docker.agent.bases import mirror_of

PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "nginx-light", "python3", "python3-venv", "ca-certificates"),
    *("sudo", "procps", "iproute2", "logrotate"),
)
BARE = ("systemd", "systemd-sysv", "dbus", "openssh-server", "ca-certificates", "sudo", "procps", "iproute2")
"""A fresh server has less than that of ours: no Python, no Nginx."""
LABEL = "gateway.testhost"
BOOT_SECONDS = 60
FILES = {
    "etc/ssh/sshd_config.d/test.conf": "PermitRootLogin prohibit-password\nPasswordAuthentication no\nUseDNS no\n",
    # Each host makes its own keys at its first start.
    "etc/systemd/system/ssh.service.d/hostkeys.conf": (
        "[Service]\nExecStartPre=\nExecStartPre=/usr/bin/ssh-keygen -A\nExecStartPre=/usr/sbin/sshd -t\n"
    ),
    "etc/machine-id": "",
}


@dataclass(frozen=True)
class System:
    """What a host runs. Without a suite this machine's own Debian, with all that a site needs."""

    suite: str = ""
    mirror: str = ""
    components: str = "main"
    packages: tuple[str, ...] = PACKAGES

    @property
    def image(self) -> str:
        """Name of its image."""
        made_from = f"{self.suite} {self.components} {' '.join(self.packages)}"
        return f"gateway/testhost:{self.suite or 'own'}-{hashlib.sha256(made_from.encode()).hexdigest()[:8]}"


DEBIAN, UBUNTU = "http://deb.debian.org/debian", "http://archive.ubuntu.com/ubuntu"
OWN = System()
BARE_SYSTEMS = {
    "debian 13": System("trixie", DEBIAN, packages=BARE),
    "ubuntu 22.04": System("jammy", UBUNTU, "main,universe", BARE),
    "ubuntu 24.04": System("noble", UBUNTU, "main,universe", BARE),
}


def image(client: docker.DockerClient, system: System = OWN) -> str:
    """The image, built where it is missing (a minute, once)."""
    try:
        client.images.get(system.image)
    except ImageNotFound:
        if not shutil.which("debootstrap"):
            pytest.skip("no debootstrap on PATH to build test hosts with (apt install debootstrap)")
        _build(client, system)
    return system.image


def _build(client: docker.DockerClient, system: System) -> None:
    suite, mirror = (system.suite, system.mirror) if system.suite else mirror_of(Path("/etc"))
    with tempfile.TemporaryDirectory(prefix="gateway-testhost-") as folder:
        root = Path(folder, "root")
        options = ["--variant=minbase", f"--components={system.components}", f"--include={','.join(system.packages)}"]
        # The rules for making one are the same for all of them; an older debootstrap does not know the newest names.
        rules = "/usr/share/debootstrap/scripts/" + ("gutsy" if "ubuntu" in mirror else "sid")
        # This machine need not have another distribution's keys, and nothing but a test runs on this.
        command = ["debootstrap", *(["--no-check-gpg"] if system.suite else []), *options, suite, str(root), mirror, rules]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode and system.suite and "Failed getting release file" in done.stdout + done.stderr:
            pytest.skip(f"no answer from {mirror}")
        assert done.returncode == 0, done.stdout[-1000:] + done.stderr
        for path, text in FILES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        if system.suite:
            (root / "etc/apt/sources.list").write_text(f"deb {mirror} {suite} {system.components.replace(',', ' ')}\n")
        for key in (root / "etc/ssh").glob("ssh_host_*"):
            key.unlink()
        for clutter in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
            shutil.rmtree(root / clutter, ignore_errors=True)
        with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
            repository, tag = system.image.split(":")
            client.api.import_image_from_stream(tar.stdout, repository=repository, tag=tag)


def _next_address(client: docker.DockerClient, place: str) -> str:
    subnet = client.networks.get(place).attrs["IPAM"]["Config"][0]["Subnet"]
    return f"{subnet.rpartition('.')[0]}.{next(_NUMBERS)}"


_NUMBERS = itertools.count(10)


@dataclass(frozen=True)
class TestHost:
    """One host that tests log in to as root, by the key in ``key``."""

    __test__ = False
    container: Container
    key: Path

    @property
    def address(self) -> str:
        self.container.reload()
        networks: dict[str, Any] = self.container.attrs["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    @property
    def host_key(self) -> str:
        """The public key that the host shows."""
        return " ".join(self.run("cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()[:2])

    @property
    def config(self) -> dict[str, Any]:
        """As an item of ``gateway:hosts``."""
        return {"address": self.address, "keyFile": str(self.key), "hostKey": self.host_key}

    def run(self, *command: str, check: bool = True, user: str = "0") -> str:
        """Output of a command on the host, by the engine: no login.

        A busy engine sometimes loses the output of an exec, so its end is marked, and one that has none is asked again.
        """
        marked = ["sh", "-c", '"$@"; printf "\n%s%s" gw-exit: $?', "sh", *command]
        for _ in range(3):
            _, output = self.container.exec_run(marked, user=user)
            text, found, status = bytes(output).decode(errors="replace").rpartition("\ngw-exit:")  # type: ignore[arg-type]
            if found:
                assert not check or status == "0", f"{command}: {text}"
                return text
        raise AssertionError(f"{command}: the engine does not tell how it ended")

    def sh(self, script: str, *, check: bool = True) -> str:
        """Output of a shell script on the host."""
        return self.run("sh", "-c", script, check=check)

    def put(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a file on the host."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            info = tarfile.TarInfo(path.lstrip("/"))
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))
        self.container.put_archive("/", buffer.getvalue())

    def get(self, path: str) -> bytes:
        """Content of a file on the host."""
        stream, _ = self.container.get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
            member = tar.extractfile(tar.getmembers()[0])
            assert member is not None, path
            return member.read()

    @contextlib.contextmanager
    def full(self, place: str) -> Iterator[None]:
        """The folder's disk has what is there now and not a byte more; what is written to it meanwhile is lost."""
        self.sh(f"cp -a {place} /root/full && mount -t tmpfs -o mode=755 full {place} && cp -a /root/full/. {place}/")
        self.sh(f"rm -r /root/full; mount -o remount,size=$(df -k --output=used {place} | tail -1 | tr -d ' ')k {place}")
        try:
            yield
        finally:
            self.run("umount", "-l", place)

    def logins(self) -> int:
        """SSH logins since the host was started, from its journal."""
        return len(re.findall(r"Accepted publickey", self.run("journalctl", "-q", "-u", "ssh", "-o", "cat")))

    def await_boot(self) -> None:
        """Wait until systemd says that all is started."""
        end = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < end:
            state = self.run("systemctl", "is-system-running", check=False).strip()
            # Ubuntu starts its SSH server with the first login.
            listens = "active" in self.run("systemctl", "is-active", "ssh", "ssh.socket", check=False).split()
            if state in ("running", "degraded") and listens:
                return
            time.sleep(0.2)
        raise AssertionError(f"the test host does not start: {self.container.logs()[-500:]!r}")

    def remove(self) -> None:
        """Take it away, if it is still there."""
        with contextlib.suppress(NotFound):
            self.container.remove(force=True, v=True)


def login_key(folder: Path) -> Path:
    """A key pair for logins, made once per folder."""
    path = folder / "id_test"
    if not path.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "gateway test", "-f", str(path)], check=True)
    return path


def network(client: docker.DockerClient) -> str:
    """A network of this process's tests, with addresses that stay over a reboot; made where it is missing."""
    name = f"gateway-test-{os.getpid()}"
    if not client.networks.list(names=[name]):
        pool = docker.types.IPAMPool(subnet=f"10.{64 + os.getpid() // 256 % 64}.{os.getpid() % 256}.0/24")
        client.networks.create(name, ipam=docker.types.IPAMConfig(pool_configs=[pool]), labels={LABEL: "network"})
    return name


def start(
    client: docker.DockerClient, name: str, key: Path, *, address: str | None = None, system: System = OWN, **options: Any
) -> TestHost:
    """A fresh host of that name, with that address where it is to have one again."""
    place = network(client)
    with contextlib.suppress(NotFound):
        client.containers.get(name).remove(force=True, v=True)
    endpoint = client.api.create_endpoint_config(ipv4_address=address or _next_address(client, place))
    container = client.containers.run(
        image(client, system),
        ["/sbin/init"],
        name=name,
        hostname=name,
        detach=True,
        cap_add=["SYS_ADMIN", "NET_ADMIN"],
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        cgroupns="host",
        tmpfs={"/run": "", "/run/lock": "", "/tmp": "exec"},
        volumes=["/sys/fs/cgroup:/sys/fs/cgroup:rw"],
        environment={"container": "docker", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE": "1"},
        labels={LABEL: name},
        network=place,
        networking_config={place: endpoint},
        **options,
    )
    host = TestHost(container, key)
    host.await_boot()
    host.run("ssh-keygen", "-A")
    host.run("mkdir", "-p", "-m", "700", "/root/.ssh")
    host.put("/root/.ssh/authorized_keys", key.with_suffix(".pub").read_bytes(), 0o600)
    return host


def remove_network(client: docker.DockerClient) -> None:
    """Away with the network, unless somebody is still in it."""
    for found in client.networks.list(names=[f"gateway-test-{os.getpid()}"]):
        with contextlib.suppress(APIError):
            found.remove()
