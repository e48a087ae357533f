"""A stranger's first hour: one command serves the example, the second time nothing happens, and preview speaks plainly."""

import stat
from collections.abc import Callable

import pytest

from targets.docker.agent.engine import run_in
from tests.deployment import Deployment


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    return deploy("first")


@pytest.fixture(scope="module", autouse=True)
def first_up(site: Deployment) -> str:
    return site.must_up().out


def test_up_ends_with_a_table_of_what_serves(site: Deployment, first_up: str) -> None:
    serving = site.health()
    for word in (f"http://localhost:{site.port}/", "wsgi", "gunicorn", serving["release"], serving["instance"], "time"):
        assert word in first_up


def test_the_passphrase_is_made_once_and_only_its_owner_reads_it(site: Deployment) -> None:
    path = site.folder / ".gateway/passphrase"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text()) >= 32


def test_outputs_tell_what_serves(site: Deployment) -> None:
    outputs, serving = site.outputs(), site.health()
    assert {key: outputs[key] for key in ("interface", "release", "instance")} == {
        key: serving[key] for key in ("interface", "release", "instance")
    }
    assert outputs["server"] == "gunicorn"
    assert outputs["url"] == f"http://localhost:{site.port}/"
    assert outputs.get("previous") is None
    assert [host["instance"] for host in outputs["hosts"].values()] == [serving["instance"]]


def test_a_second_up_changes_nothing_and_touches_no_container(site: Deployment) -> None:
    def started() -> dict[str, str]:
        return {name: site.docker.containers.get(name).attrs["State"]["StartedAt"] for name in site.containers()}

    before = started()
    result = site.must_up()
    assert "nothing to do" in result.out
    assert started() == before


def test_a_preview_says_in_words_what_a_switch_will_do(site: Deployment) -> None:
    site.config["interface"] = "asgi"
    site.write_config()
    try:
        preview = site.preview()
        assert preview.status == 0, preview.text
        assert "wsgi (gunicorn) -> asgi (uvicorn)" in preview.text
        assert "Nginx is not touched" in preview.text
    finally:
        site.config["interface"] = "wsgi"
        site.write_config()
    assert any(words in site.preview().text for words in ("unchanged", "nothing to do"))


def test_the_server_is_process_one_and_not_root(site: Deployment) -> None:
    container = site.docker.containers.get(f"{site.app}-{site.health()['instance']}")
    _, first = run_in(container, "cat", "/proc/1/cmdline")
    assert "gunicorn" in first
    _, owner = run_in(container, "stat", "-c", "%u", "/proc/1")
    assert owner == "10001"


def test_down_keeps_what_users_made_and_delete_leaves_nothing(site: Deployment) -> None:
    def sql(text: str) -> str:
        _, printed = run_in(site.docker.containers.get(f"{site.app}-postgres"), "psql", "-U", site.app, "-Atc", text)
        return printed

    sql("create table kept as select 42 as number")
    assert site.ops("down").status == 0
    assert site.containers() == {}
    site.must_up()
    assert sql("select number from kept") == "42"

    result = site.run(".venv/bin/python", "-m", "ops", "down", "--stack", site.stack, "--data", "delete")
    assert result.status == 0, result.text
    mine = {"label": f"gateway.app={site.app}"}
    assert [site.containers(), site.docker.volumes.list(filters=mine), site.docker.networks.list(filters=mine)] == [{}, [], []]
    assert site.docker.images.list(name=f"gateway/{site.app}") == []
