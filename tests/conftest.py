"""What every test may need: an engine, a CLI, deployments; and one block at the end that says what was skipped and why."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from tests.deployment import Deployment


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


@pytest.fixture(scope="module")
def deploy(
    engine: docker.DockerClient, pulumi_cli: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Deployment]]:
    """Makes deployments and takes them away at the end of the module."""
    made: list[Deployment] = []

    def make(app: str, **options: object) -> Deployment:
        deployment = Deployment(Path(tmp_path_factory.mktemp(app)) / "gateway", app, **options)  # type: ignore[arg-type]
        deployment.remove()
        made.append(deployment)
        return deployment

    yield make
    for deployment in made:
        deployment.remove()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One block: what was skipped, how often and why."""
    reasons = Counter(
        str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", []) if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.section("skipped, and why")
        for reason, count in reasons.most_common():
            terminalreporter.line(f"{count:4} tests: {reason.removeprefix('Skipped: ')}")
