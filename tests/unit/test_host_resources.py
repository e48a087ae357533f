"""Which steps on which hosts a site asks for, and in which order, by dependencies alone."""

from functools import partial
from typing import Any

import pytest

from components.site import DjangoSite, DjangoSiteArgs
from settings.plan import plan
from targets.host.client.connection import Connection
from targets.host.joined import JoinedHostTarget
from targets.host.observe import HostObservation
from targets.host.target import HostTarget
from tests.unit.conftest import SECRET, settings_of
from tests.unit.recording import Recording, is_secret, record

HOSTS = tuple(Connection(address=f"web{number}", host_key="ssh-ed25519 A", private_key="the-login-key") for number in (1, 2, 3))
KEPT = {"name": "shop", "module": "shop"}


def _program(hosts: tuple[Connection, ...], observed: HostObservation, changes: dict[str, Any]) -> dict[str, Any]:
    settings = settings_of(**{"app": KEPT, "release": "0123456789", "secrets": {"SECRET_KEY": SECRET}, **changes})
    target = HostTarget("shop", owner="gateway/test", hosts=hosts, rolling=2)
    return {"outputs": DjangoSite("shop", DjangoSiteArgs(plan=plan(settings), target=target, observed=observed)).outputs}


def recorded(hosts: tuple[Connection, ...] = HOSTS, observed: HostObservation | None = None, **changes: Any) -> Recording:
    return record(partial(_program, hosts, observed or HostObservation(), changes), False)


def steps(recording: Recording, verb: str) -> list[str]:
    return sorted(one.name for one in recording.resources.values() if one.inputs.get("create") == verb)


def test_every_step_is_done_on_each_host_but_a_migration_on_the_first_alone() -> None:
    recording = recorded(app={"name": "shop", "source": "examples/shop"}, release="")
    for verb in ("prepare", "release", "env", "start", "proxy"):
        assert [name.rpartition("-")[2] for name in steps(recording, verb)] == ["web1", "web2", "web3"], verb
    tasks = [recording.resources[key] for key in recording.resources if "-task-" in key and key.startswith("Command")]
    migrations = [task for task in tasks if task.request["request"]["task"] == "migrate"]
    assert len(tasks) == 7
    assert [host["address"] for host in migrations[0].request["hosts"]] == ["web1"]


def test_a_kept_release_has_had_its_tasks_and_is_asked_for_its_place_in_the_schema_and_for_what_they_left() -> None:
    tasks = [one for one in recorded().resources.values() if one.inputs.get("create") == "task"]
    asked = {one.request["hosts"][0]["address"]: one.request["request"]["task"] for one in tasks}
    assert asked == {"web1": "migrate", "web2": "complete", "web3": "complete"}


def test_what_is_only_to_be_found_may_come_from_another_host() -> None:
    kept, made = recorded(), recorded(app={"name": "shop", "source": "examples/shop"}, release="")
    asked = [[host["address"] for host in kept.resources[key].request["hosts"]] for key in _keys(kept, "release")]
    assert sorted(asked) == [["web1", "web2", "web3"], ["web2", "web1", "web3"], ["web3", "web1", "web2"]]
    assert [len(made.resources[key].request["hosts"]) for key in _keys(made, "release")] == [1, 1, 1]


def _joined() -> dict[str, Any]:
    settings = settings_of(app=KEPT, release="0123456789", secrets={"SECRET_KEY": SECRET})
    target = JoinedHostTarget("shop", owner="gateway/first", stack="gateway/second", hosts=HOSTS)
    args = DjangoSiteArgs(plan=plan(settings), target=target, observed=HostObservation())
    return {"outputs": DjangoSite("shop", args).outputs}


def test_a_stack_that_joins_a_site_leaves_its_hosts_and_nginx_as_they_are() -> None:
    recording = record(_joined, False)
    verbs = {str(one.inputs["create"]) for one in recording.kind("Command").values()}
    assert verbs == {"join", "release", "env", "task", "start", "switch"}
    switch = recording.step("switch").request["request"]
    assert (switch["owner"], switch["stack"]) == ("gateway/first", "gateway/second")
    deletes = {str(one.inputs.get("delete")) for one in recording.kind("Command").values()}
    assert not deletes & {"remove-site", "remove-proxy"}


def _keys(recording: Recording, verb: str) -> list[str]:
    return [key for key, one in recording.resources.items() if one.inputs.get("create") == verb]


def test_traffic_waits_until_every_host_has_a_healthy_instance() -> None:
    recording = recorded()
    before = recording.before(recording.key("switch"))
    for name in [*steps(recording, "start"), *steps(recording, "proxy")]:
        assert any(name in key for key in before), name
    switch = recording.step("switch")
    assert [host["address"] for host in switch.request["hosts"]] == ["web1", "web2", "web3"]
    assert switch.request["rolling"] == 2


def test_every_request_is_a_secret_since_it_has_the_login_key() -> None:
    for one in recorded().kind("Command").values():
        assert is_secret(one.inputs["stdin"]), one.name
        assert "the-login-key" not in f"{one.inputs['create']} {one.inputs.get('delete')} {one.inputs['interpreter']}"


def test_what_only_a_host_knows_is_left_out_of_the_command_text() -> None:
    for one in recorded().kind("Command").values():
        assert one.inputs["create"] in ("prepare", "release", "env", "task", "start", "proxy", "switch")
        assert one.inputs["interpreter"][1] == "targets/host/client"


@pytest.mark.parametrize("verb", ["start", "switch"])
def test_a_fault_that_was_seen_makes_the_step_run_again(verb: str) -> None:
    seen = recorded(observed=HostObservation(at="now", instances={"web1": "other"}))
    well = recorded()
    for one in (r for r in seen.kind("Command").values() if r.inputs["create"] == verb):
        assert "web1: other" in one.inputs["environment"]["GATEWAY_OBSERVED"]
        assert "environment" not in one.ignore_changes
    assert all("environment" in r.ignore_changes for r in well.kind("Command").values() if r.inputs["create"] == verb)


def test_another_interface_is_another_unit_and_the_first_hosts_migration_is_not_run_again() -> None:
    wsgi, asgi = recorded(), recorded(interface="asgi")
    assert not set(steps(wsgi, "start")) & set(steps(asgi, "start"))
    assert steps(wsgi, "task") == steps(asgi, "task")
