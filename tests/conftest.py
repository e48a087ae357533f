"""What every test may need: an engine, a CLI, deployments; and one block at the end that says what was skipped and why."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import DockerException

from tests.deployment import Deployment
from tests.hosting import HostDeployment
from tests.live.database import Database
from tests.live.database import start as start_database
from tests.live.hosts import TestHost, login_key, remove_network
from tests.live.hosts import start as start_host


@pytest.fixture(scope="session")
def engine() -> docker.DockerClient:
    """The Docker engine of this machine."""
    try:
        client = docker.from_env(timeout=300)
        client.ping()
    except (DockerException, OSError):
        pytest.skip("no Docker engine answers (start Docker, or run .ci/run as root)")
    return client


@pytest.fixture(scope="session")
def pulumi_cli() -> str:
    """Path of the Pulumi CLI."""
    found = shutil.which("pulumi")
    if not found:
        pytest.skip("no pulumi on PATH (pulumi.com/docs/install)")
    return found


CORE = ("test_first_up", "test_broken_release", "test_config_mistakes", "test_missing")
"""Where there is a CLI, these stories are told on both engines and the others on the CLI; without one all are told embedded."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine", choices=("pulumi", "embedded", "both"), help="which engine deploys (default: the CLI, both for core stories)"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``engine_kind`` for every test that deploys."""
    if "engine_kind" in metafunc.fixturenames:
        wanted, story = metafunc.config.getoption("--engine"), metafunc.module.__name__.rpartition(".")[2]
        quick = story not in ("test_broken_release",)
        if not wanted:
            core = story in CORE
            wanted = "embedded" if not shutil.which("pulumi") else "both" if core else "pulumi"
        # The second time round is for the long run, but for the stories that take seconds.
        again = pytest.param("embedded", marks=[] if metafunc.config.getoption("--engine") or quick else pytest.mark.long)
        kinds = ["pulumi", again] if wanted == "both" else [wanted]
        metafunc.parametrize("engine_kind", kinds, scope="module")


@pytest.fixture(scope="module")
def deploy(
    engine: docker.DockerClient, engine_kind: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Deployment]]:
    """Makes deployments on the engine in question and takes them away at the end of the module.

    GATEWAY_TEST_PREFIX keeps two runs on one Docker engine apart.
    """
    if engine_kind == "pulumi":
        request.getfixturevalue("pulumi_cli")
    made: list[Deployment] = []

    def make(app: str, **options: object) -> Deployment:
        app = os.environ.get("GATEWAY_TEST_PREFIX", "") + app
        folder = Path(tmp_path_factory.mktemp(app)) / "gateway"
        deployment = Deployment(folder, app, **{"kind": engine_kind, **options})  # type: ignore[arg-type]
        deployment.remove()
        made.append(deployment)
        return deployment

    yield make
    for deployment in made:
        deployment.remove()


@pytest.fixture(scope="session")
def database(engine: docker.DockerClient) -> Iterator[Database]:
    """A PostgreSQL that hosts share."""
    made = start_database(engine)
    yield made
    made.container.remove(force=True, v=True)
    remove_network(engine)


@pytest.fixture(scope="module")
def linux(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., TestHost]]:
    """Makes Linux hosts with systemd and takes them away at the end of the module."""
    made: list[TestHost] = []
    folder = tmp_path_factory.mktemp("keys")

    def make(name: str, **options: Any) -> TestHost:
        host = start_host(engine, f"gateway-test-{os.getpid()}-{name}", login_key(folder), **options)
        made.append(host)
        return host

    yield make
    for host in made:
        host.remove()
    remove_network(engine)


@pytest.fixture(scope="module")
def deploy_to_hosts(pulumi_cli: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., HostDeployment]:
    """Makes deployments onto hosts: ``deploy_to_hosts("shop", [host])``."""

    def make(app: str, hosts: list[TestHost], **options: object) -> HostDeployment:
        folder = Path(tmp_path_factory.mktemp(app)) / "gateway"
        return HostDeployment(folder, app, hosts, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="module", params=["docker", "hosts"])
def deploy_anywhere(request: pytest.FixtureRequest, deploy: Callable[..., Deployment]) -> Callable[[str], Deployment]:
    """Makes deployments on Docker, then on two Linux hosts and a database that they share: ``deploy_anywhere("shop")``."""
    if request.param == "docker":
        return deploy
    linux, to_hosts, database = (request.getfixturevalue(name) for name in ("linux", "deploy_to_hosts", "database"))

    def make(app: str) -> Deployment:
        hosts = [linux(f"{app}{number}") for number in range(2)]
        made: Deployment = to_hosts(app, hosts, database=database.url(app))
        made.config["workers"] = 1
        return made

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One block: what was skipped, how often and why."""
    reasons = Counter(
        str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []) if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.section("skipped, and why")
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count:4} tests: {reason.removeprefix('Skipped: ')}")
