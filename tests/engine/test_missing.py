"""Something that is needed is missing: status 3, and one line on how to get it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deployment import Deployment


def nowhere(home: Path) -> dict[str, str]:
    """No pulumi on PATH, no way to its installer, and no Docker engine either."""
    proxies = dict.fromkeys(("https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")
    return {"PATH": "/usr/bin:/bin", "HOME": str(home), "DOCKER_HOST": "unix:///run/no-such-engine.sock", **proxies}


def test_no_pulumi_and_no_way_to_its_installer_is_work_for_the_embedded_engine(tmp_path: Path) -> None:
    result = Deployment(tmp_path / "gateway", "nocli", env=nowhere(tmp_path)).up()
    assert "the Pulumi CLI is not on PATH and its installer cannot be had" in result.out
    assert "the embedded engine is at work, not Pulumi's; to move to the Pulumi CLI put it on PATH" in result.out
    assert result.status == 3, result.text
    assert "no Docker engine answers" in result.err


def test_the_cli_and_nothing_else_is_wanted_and_missing(tmp_path: Path) -> None:
    result = Deployment(tmp_path / "gateway", "nocli", env={**nowhere(tmp_path), "ENGINE": "pulumi"}).up()
    assert result.status == 3, result.text
    (line,) = result.err.strip().splitlines()
    assert "the Pulumi CLI is not on PATH" in line
    assert "way out: put the pulumi binary on PATH" in line


def test_an_engine_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    result = Deployment(tmp_path / "gateway", "nocli", env={"ENGINE": "terraform"}).up()
    assert result.status == 2, result.text
    assert result.err.strip() == "ENGINE: got 'terraform'; takes pulumi or embedded"


def test_no_docker_engine(tmp_path: Path, pulumi_cli: str) -> None:
    result = Deployment(tmp_path / "gateway", "noengine", env={"DOCKER_HOST": "unix:///run/no-such-engine.sock"}).up()
    assert result.status == 3, result.text
    (line,) = result.err.strip().splitlines()
    assert "no Docker engine answers at DOCKER_HOST=unix:///run/no-such-engine.sock; way out" in line


def test_a_passphrase_that_does_not_fit_is_refused_before_anything_is_touched(deploy: Callable[..., Deployment]) -> None:
    site = deploy("forgotten")
    site.init()
    site.set_secret("gateway:secrets.TOKEN", "a value")
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
