"""What a change of the config changes: another instance where it must be another, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from targets.observation import Finding, Observation
from tests.unit.conftest import SECRET
from tests.unit.recording import Recording, public
from tests.unit.sites import CHANGES, KEPT, RELEASE, TOKEN, instance_of, recorded_site, site

Record = Callable[[Callable[[], object]], Recording]
ANOTHER = "ffffffffff"


@pytest.fixture(scope="module")
def before() -> Recording:
    return recorded_site()


def names_of(recording: Recording, *verbs: str) -> set[str]:
    return {name for name, step in recording.kind("Command").items() if step.inputs["create"] in verbs}


@pytest.mark.parametrize("what", CHANGES)
def test_another_instance_is_another_resource_so_that_the_old_one_serves_on(before: Recording, what: str) -> None:
    after = recorded_site(**CHANGES[what])
    assert names_of(after, "start").isdisjoint(names_of(before, "start"))
    assert after.step("start").name.startswith("shop-")


def test_every_change_makes_an_instance_of_its_own() -> None:
    instances = {instance_of(recorded_site(**change)) for change in CHANGES.values()} | {instance_of(recorded_site())}
    assert len(instances) == len(CHANGES) + 1


def test_the_same_config_is_the_same_instance_in_a_preview_and_in_an_update(recorded: Record, before: Recording) -> None:
    assert instance_of(recorded(site())) == instance_of(before)


@pytest.mark.parametrize(
    "change",
    [
        {"httpPort": "8099"},
        {"bodyLimitMb": "99"},
        {"drainSeconds": "1"},
        {"keepReleases": "2"},
        {"health": {"timeout": 99}},
        {"env": {"CSRF_TRUSTED_ORIGINS": "http://localhost:8080"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_does_not_decide_how_an_instance_behaves_keeps_it(before: Recording, change: dict[str, Any]) -> None:
    given = change if "httpPort" not in change else {**change, "env": {"CSRF_TRUSTED_ORIGINS": "http://localhost:8080"}}
    assert instance_of(recorded_site(**given)) == instance_of(before)


@pytest.mark.parametrize("what", ["interface", "server", "workers", "option"])
def test_another_interface_builds_migrates_and_writes_nothing_anew(before: Recording, what: str) -> None:
    after = recorded_site(**CHANGES[what])
    assert names_of(after, "release", "env", "task") == names_of(before, "release", "env", "task")


@pytest.mark.parametrize("what", ["env", "secret"])
def test_another_secret_is_another_env_file_and_runs_the_tasks_again(before: Recording, what: str) -> None:
    after = recorded_site(**CHANGES[what])
    assert names_of(after, "release") == names_of(before, "release")
    assert names_of(after, "env").isdisjoint(names_of(before, "env"))
    assert names_of(after, "task").isdisjoint(names_of(before, "task"))


def test_another_release_keeps_the_env_file_and_runs_the_tasks_again(before: Recording) -> None:
    after = recorded_site(**CHANGES["release"])
    assert names_of(after, "env") == names_of(before, "env")
    assert names_of(after, "release").isdisjoint(names_of(before, "release"))
    assert names_of(after, "task").isdisjoint(names_of(before, "task"))


@pytest.mark.parametrize("what", CHANGES)
def test_nginx_is_not_touched_by_a_switch(before: Recording, what: str) -> None:
    after = recorded_site(**CHANGES[what])
    for key in ("Command shop-nginx-conf", "Container shop-nginx", "NginxProxy shop-nginx"):
        assert public(after[key].inputs) == public(before[key].inputs)
        assert after[key].dependencies == before[key].dependencies


def test_a_new_domain_changes_nginx_in_place_without_another_container(before: Recording) -> None:
    after = recorded_site(domains=["localhost", "shop.example"])
    assert after.step("proxy").name == before.step("proxy").name
    assert "server_name localhost shop.example;" in after.step("proxy").request["configuration"]
    assert after["Container shop-nginx"].inputs == before["Container shop-nginx"].inputs


def test_the_switch_is_the_same_resource_with_another_text(before: Recording) -> None:
    after = recorded_site(interface="asgi")
    assert after.step("switch").name == before.step("switch").name == "shop-traffic-live"
    assert after.step("switch").request["serving"] == {
        "interface": "asgi",
        "server": "uvicorn",
        "release": RELEASE,
        "instance": instance_of(after),
    }


@pytest.mark.parametrize("verb", ["release", "env", "task", "base"])
def test_a_step_that_is_named_by_its_content_is_not_run_again_for_another_text(before: Recording, verb: str) -> None:
    for step in (step for step in before.kind("Command").values() if step.inputs["create"] == verb):
        assert {"stdin", "interpreter"} <= set(step.ignore_changes)


@pytest.mark.parametrize("verb", ["start", "switch", "proxy", "prepare"])
def test_a_step_that_keeps_its_name_is_run_again_for_another_text(before: Recording, verb: str) -> None:
    assert "stdin" not in before.step(verb).ignore_changes


@pytest.mark.parametrize(
    ("verb", "delete"),
    [("release", "collect-releases"), ("env", "remove-env"), ("start", "stop"), ("switch", "off"), ("proxy", None)],
)
def test_what_goes_away_takes_only_its_own_along(before: Recording, verb: str, delete: str | None) -> None:
    assert before.step(verb).inputs.get("delete") == delete


def test_a_kept_release_is_served_without_a_source(recorded: Record) -> None:
    request = recorded(site(app=KEPT, release=RELEASE)).step("release").request
    assert (request["release"], request["source"], request["image"], request["digest"]) == (RELEASE, None, None, None)


def well(instance: str) -> Observation:
    return Observation(running=frozenset({instance}), live=instance)


@pytest.mark.parametrize("verb", ["start", "switch"])
def test_a_site_that_is_well_is_left_alone(recorded: Record, before: Recording, verb: str) -> None:
    for observed in (Observation(), well(instance_of(before))):
        step = recorded(site(observed)).step(verb)
        assert "environment" not in step.inputs
        assert "environment" in step.ignore_changes


def test_an_instance_that_does_not_run_is_started_again(recorded: Record, before: Recording) -> None:
    instance = instance_of(before)
    recording = recorded(site(Observation(stopped=frozenset({instance}), live=instance)))
    step = recording.step("start")
    assert step.inputs["environment"] == {"GATEWAY_OBSERVED": f"container of {instance} does not run"}
    assert "environment" not in step.ignore_changes
    assert "environment" not in recording.step("switch").inputs


def test_traffic_that_is_on_another_instance_is_brought_back(recorded: Record, before: Recording) -> None:
    running = frozenset({instance_of(before), ANOTHER})
    recording = recorded(site(Observation(running=running, live=ANOTHER)))
    assert recording.step("switch").inputs["environment"] == {"GATEWAY_OBSERVED": f"live.sock names {ANOTHER}"}
    assert "environment" not in recording.step("switch").ignore_changes
    assert "environment" not in recording.step("start").inputs


@pytest.mark.parametrize(
    ("part", "verb", "name"), [("env", "env", ""), ("static", "task", "collectstatic"), ("proxy", "proxy", "")]
)
def test_what_somebody_changed_is_made_again_by_its_own_step_and_by_no_other(
    recorded: Record, before: Recording, part: str, verb: str, name: str
) -> None:
    observed = replace(well(instance_of(before)), drift=(Finding(part, "it was changed"),))
    recording = recorded(site(observed))
    step = recording.step(verb, name)
    assert step.inputs["environment"] == {"GATEWAY_OBSERVED": "it was changed"}
    assert "environment" not in step.ignore_changes
    others = [one for one in recording.kind("Command").values() if one.name != step.name]
    assert not any("environment" in one.inputs for one in others)


def test_a_kept_release_collects_its_files_again_only_where_they_were_lost(recorded: Record) -> None:
    lost = Observation(drift=(Finding("static", "static file shop.css is gone"),))
    tasks = [
        {name.rsplit("-", 2)[1] for name in names_of(recorded(site(observed, app=KEPT, release=RELEASE)), "task")}
        for observed in (Observation(), lost)
    ]
    assert tasks == [{"migrate"}, {"migrate", "collectstatic"}]


def test_an_env_file_that_got_a_secret_more_is_another_one() -> None:
    one = recorded_site(secrets={"SECRET_KEY": SECRET})
    assert names_of(one, "env").isdisjoint(names_of(recorded_site(secrets={"SECRET_KEY": SECRET, "TOKEN": TOKEN}), "env"))
