"""A Docker engine's disk is full: a release or a rollback is refused with words, the site goes on, and space is all it needs."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from bench.load import Load
from tests.deployment import Deployment, Result
from tests.engine.private_docker import PrivateDocker, private_docker

pytestmark = pytest.mark.long

SIZE = 6 * 2**30


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of its own; its blocks are made as they are used."""
    folder = tmp_path_factory.mktemp("disk")
    image, mounted = folder / "image", folder / "mounted"
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("a disk of its own needs root and mkfs.ext4")
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(SIZE)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True, capture_output=True)
    done = subprocess.run(["mount", "-o", "loop", str(image), str(mounted)], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no loop device here: {done.stderr.strip()}")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)
    image.unlink()


@pytest.fixture(scope="module")
def small(engine: docker.DockerClient, disk: Path) -> Iterator[PrivateDocker]:
    with private_docker(disk / "docker", engine) as private:
        yield private


@pytest.fixture(scope="module")
def site(small: PrivateDocker, deploy: Callable[..., Deployment]) -> Deployment:
    """Two updates. Nobody writes to the database: what that does without space is its own matter."""
    site = deploy("fulldisk", env=small.env, address=small.address)
    site.config |= {"services": {"postgres": True}, "workers": 1, "drainSeconds": 3}
    site.must_up(listenAddress="0.0.0.0")
    site.must_up(interface="asgi")
    return site


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Not a byte is free."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        done = subprocess.run(["cat", "/dev/zero"], stdout=file, stderr=subprocess.PIPE, text=True, check=False)
    assert "No space left" in done.stderr
    try:
        yield
    finally:
        filler.unlink()


def refused(site: Deployment, disk: Path, command: Callable[[], Result]) -> None:
    """Without a byte the command ends with the cause and the way out, and who is reading notices nothing."""
    before = site.health(), site.file_config()
    with Load(base_url=site.url, host="localhost", rate=30, clients=3) as load, full(disk):
        result = command()
    assert result.status == 1, result.text
    first = result.err.splitlines()[0]
    assert "no space left" in first
    assert "way out" in first
    assert load.report.failed == 0, load.report.summary()
    assert (site.health(), site.file_config()) == before


def test_a_full_disk_costs_a_rollback_and_not_the_site(site: Deployment, disk: Path) -> None:
    refused(site, disk, site.rollback)
    site.must_rollback()
    assert site.health()["interface"] == "wsgi"
    assert site.containers("instance") == {f"{site.app}-{site.health()['instance']}": "running"}


def test_a_full_disk_costs_a_release_and_not_the_site(site: Deployment, disk: Path) -> None:
    before = site.health()
    (site.source / "store/static/store/second.txt").write_text("second")
    refused(site, disk, site.again)
    site.must_up()
    assert site.health()["release"] != before["release"]
    assert site.containers("task") == {}
