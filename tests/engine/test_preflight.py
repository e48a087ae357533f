"""Before the first update: is all there that it needs? One table, a status that scripts can rely on, and nothing is touched."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deployment import Deployment


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    site = deploy("preflight")
    site.init()
    return site


def test_a_site_that_could_be_deployed_is_told_so_and_nothing_is_made(site: Deployment) -> None:
    result = site.ops("preflight")
    assert result.status == 0, result.text
    for words in ("Docker", "MiB free below", "MiB available; a second instance takes about", "are free or ours"):
        assert words in result.out
    assert "an update can begin" in result.out.splitlines()[-1]
    assert site.containers() == {}
    assert "SECRET_KEY" not in str(site.file_config())


def test_a_port_that_somebody_has_and_a_variable_that_is_not_set_are_wrong_config(site: Deployment) -> None:
    settings = site.source / "shop/settings.py"
    kept = settings.read_text()
    settings.write_text(kept + '\nPAYMENT_URL = os.environ["PAYMENT_URL"]\n')
    try:
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", site.port))
            holder.listen()
            result = site.ops("preflight")
    finally:
        settings.write_text(kept)
    assert result.status == 2, result.text
    assert f"docker: httpPort: got {site.port}, which another program on this machine has" in result.err
    assert "needs PAYMENT_URL, which is not set; way out: pulumi config set" in result.err


def test_a_database_that_nobody_answers_for_is_missing_and_one_in_the_container_itself_is_a_mistake(site: Deployment) -> None:
    elsewhere, inside = "postgres://u:not-to-be-seen@192.0.2.1:1/x", "redis://127.0.0.1:6379/0"
    site.config["env"] = {"DATABASE_URL": elsewhere, "REDIS_URL": inside}
    site.write_config()
    result = site.ops("preflight")
    del site.config["env"]
    site.write_config()
    assert result.status == 2, result.text
    assert "docker: REDIS_URL: 127.0.0.1 is the container itself, not this machine" in result.err
    assert "docker: DATABASE_URL: nobody answers (" in result.err
    assert "not-to-be-seen" not in result.text


def test_without_an_engine_something_is_missing(tmp_path: Path, engine_kind: str) -> None:
    away = {"DOCKER_HOST": "unix:///run/no-such-engine.sock", "ENGINE": engine_kind}
    site = Deployment(tmp_path / "gateway", "noengine", env=away, kind=engine_kind)
    site.init()
    result = site.ops("preflight")
    assert result.status == 3, result.text
    assert result.err.startswith("docker: engine: no Docker engine answers")
