"""Something that is needed is missing: status 3, and one line on how to get it."""

from pathlib import Path

import docker
import pytest

from tests.deployment import Deployment


def test_no_pulumi_and_no_way_to_its_installer(tmp_path: Path) -> None:
    nowhere = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "https_proxy": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    result = Deployment(tmp_path / "gateway", "nocli", env=nowhere).up()
    assert result.status == 3, result.text
    (line,) = result.err.strip().splitlines()
    assert "the Pulumi CLI is not on PATH" in line
    assert "way out: put the pulumi binary on PATH" in line


def test_no_docker_engine(tmp_path: Path, pulumi_cli: str) -> None:
    result = Deployment(tmp_path / "gateway", "noengine", env={"DOCKER_HOST": "unix:///run/no-such-engine.sock"}).up()
    assert result.status == 3, result.text
    (line,) = result.err.strip().splitlines()
    assert "no Docker engine answers at DOCKER_HOST=unix:///run/no-such-engine.sock; way out" in line


def test_a_passphrase_that_does_not_fit_is_refused_before_anything_is_touched(
    tmp_path: Path, pulumi_cli: str, engine: docker.DockerClient
) -> None:
    site = Deployment(tmp_path / "gateway", "forgotten")
    site.write_config()
    assert site.pulumi("stack", "init").status == 0
    site.pulumi("config", "set", "--secret", "--path", "gateway:secrets.TOKEN", text="a value")
    (site.folder / ".gateway/passphrase").write_text("another one")
    result = site.ops("up")
    assert result.status == 2, result.text
    assert "the passphrase does not fit this stack; way out" in result.err.splitlines()[0]
    assert site.containers() == {}


@pytest.mark.parametrize("verb", ["up", "down"])
def test_an_unknown_argument_is_refused(tmp_path: Path, verb: str) -> None:
    result = Deployment(tmp_path / "gateway", "arguments").ops(verb, "--no-such")
    assert result.status == 2
    assert "--no-such" in result.err
