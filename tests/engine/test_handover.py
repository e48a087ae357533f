"""A site goes from the embedded engine to the Pulumi CLI and back: nothing is replaced, nothing restarts, nobody notices."""

import json
import re
from collections.abc import Callable

import pytest

from bench.load import Load
from tests.deployment import Deployment

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(pulumi_cli: str, deploy: Callable[..., Deployment]) -> Deployment:
    """Begun by the embedded engine, with every kind of resource that the program has."""
    site = deploy("handover")
    site.on("embedded").must_up(drainSeconds=3, services={"redis": True, "postgres": True})
    return site


def started(site: Deployment) -> dict[str, str]:
    """When each container of the site began to run."""
    return {name: site.docker.containers.get(name).attrs["State"]["StartedAt"] for name in site.containers()}


def changed(site: Deployment) -> str:
    """What plain pulumi would do, all of it; empty when that is nothing."""
    told = site.pulumi("preview", "--diff")
    assert told.status == 0, told.text
    resources = told.out.partition("Resources:")[2].strip()
    return "" if re.fullmatch(r"\d+ unchanged", resources) else told.out


def test_what_the_embedded_engine_began_the_cli_finds_as_it_should_be(site: Deployment) -> None:
    before = started(site)
    assert changed(site) == ""
    assert "nothing to do" in site.on("pulumi").must_up().out
    assert "nothing to do" in site.on("embedded").must_up().out
    assert started(site) == before


def test_each_goes_on_where_the_other_was_while_people_are_shopping(site: Deployment) -> None:
    with Load(base_url=site.url, host="localhost", rate=30, post_rate=5) as load:
        site.on("pulumi").must_up(interface="asgi")
        assert "nothing to do" in site.on("embedded").must_up().out
        site.must_up(interface="wsgi")
        assert changed(site) == ""
    assert load.report.failed == 0, load.report.summary()
    assert site.health()["interface"] == "wsgi"
    assert site.outputs()["previous"]["interface"] == "asgi"


def test_secrets_of_one_are_read_by_the_other_and_by_nobody_else(site: Deployment) -> None:
    site.on("pulumi").set_secret("gateway:secrets.FROM_CLI", "told to the CLI")
    site.on("embedded").set_secret("gateway:secrets.FROM_EMBEDDED", "told to the embedded engine")
    shown = json.loads(site.pulumi("config", "--json", "--show-secrets").out)["gateway:secrets"]["objectValue"]
    mine, secret = site.embedded.config()
    assert json.loads(mine["gateway:secrets"]) == shown
    assert {"FROM_CLI", "FROM_EMBEDDED"} <= shown.keys()
    assert "gateway:secrets" in secret
    site.must_up()
    assert "told to" not in site.state()
    assert changed(site) == ""
    revealed = site.pulumi("stack", "export", "--show-secrets").out
    assert "told to the CLI" in revealed
    assert "told to the embedded engine" in revealed


def test_both_tell_the_same_history_and_the_same_outputs(site: Deployment) -> None:
    told = json.loads(site.pulumi("stack", "history", "--json", "--page-size", "100").out)
    mine = site.embedded.history()
    assert [(one["kind"], one["result"], one["resourceChanges"]) for one in mine] == [
        (one["kind"], one["result"], one["resourceChanges"]) for one in told
    ]
    assert {one["environment"]["exec.kind"] for one in mine} == {"embedded", "auto.local"}
    assert json.loads(site.pulumi("stack", "output", "--json").out) == site.embedded.outputs()


def test_a_lock_of_one_holds_off_the_other(site: Deployment) -> None:
    with site.embedded.backend.locked():
        refused = site.pulumi("up", "--yes", "--skip-preview")
        assert refused.status != 0
        assert "the stack is currently locked by 1 lock(s)" in refused.text
        for kind in ("pulumi", "embedded"):
            second = site.on(kind).ops("up")
            assert second.status == 1, second.text
            assert "another update of stack dev is running: process" in second.err.splitlines()[0]


def test_what_the_cli_began_the_embedded_engine_takes_down(site: Deployment) -> None:
    assert site.on("embedded").ops("down", "--data", "delete").status == 0
    assert site.containers() == {}
    assert [one["type"] for one in json.loads(site.state())["deployment"].get("resources", [])] == []
