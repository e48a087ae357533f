"""The resources of a whole site: names that stay, the order of an update, what is secret and what is protected."""

import json
from collections.abc import Callable

import pytest

from tests.unit.conftest import SECRET
from tests.unit.recording import IMAGE_ID, Recording, is_secret, public
from tests.unit.sites import RELEASE, TOKEN, instance_of, recorded_site, site, without_ids

Record = Callable[[Callable[[], object]], Recording]
BOTH = {"postgres": True, "redis": True}

FROZEN = {
    "gateway:index:DjangoAppServer": ["shop"],
    "gateway:index:DjangoSite": ["shop"],
    "gateway:index:DockerTarget": ["shop"],
    "gateway:index:EnvSecret": ["shop-env"],
    "gateway:index:NginxProxy": ["shop-nginx"],
    "gateway:index:Release": ["shop-release"],
    "gateway:index:ReleaseTasks": ["shop-task"],
    "gateway:index:Traffic": ["shop-traffic"],
    "command:local:Command": [
        "shop-<id>",
        "shop-env-<id>",
        "shop-image-nginx-stable",
        "shop-image-postgres-17",
        "shop-image-redis-7",
        "shop-nginx-conf",
        "shop-postgres-ready",
        "shop-redis-ready",
        "shop-release-<id>",
        "shop-storage",
        "shop-task-check-<id>",
        "shop-task-collectstatic-<id>",
        "shop-task-migrate-<id>",
        "shop-traffic-live",
    ],
    "docker:index/container:Container": ["shop-nginx", "shop-postgres", "shop-redis"],
    "docker:index/network:Network": ["shop-network"],
    "docker:index/volume:Volume": [
        "shop-volume-env",
        "shop-volume-media",
        "shop-volume-nginx",
        "shop-volume-postgres",
        "shop-volume-postgres-socket",
        "shop-volume-redis",
        "shop-volume-redis-socket",
        "shop-volume-sockets",
        "shop-volume-static",
    ],
}
"""What stacks out there have in their state. A rename replaces what runs: whoever changes a line here writes aliases too."""


def test_types_and_logical_names_are_frozen(recorded: Record) -> None:
    found: dict[str, set[str]] = {}
    for resource in recorded(site(services=BOTH)).resources.values():
        found.setdefault(resource.type, set()).add(resource.name)
    assert {type_: without_ids(names) for type_, names in found.items()} == FROZEN


def test_every_part_is_a_child_of_the_site_and_every_step_of_its_part(recorded: Record) -> None:
    recording = recorded(site())
    assert {key: recording[key].parent for key in ("NginxProxy shop-nginx", "EnvSecret shop-env", "Traffic shop-traffic")} == {
        "NginxProxy shop-nginx": "DjangoSite shop",
        "EnvSecret shop-env": "DjangoSite shop",
        "Traffic shop-traffic": "DjangoSite shop",
    }
    assert recording.step("start").parent == "DjangoAppServer shop"
    assert recording.step("switch").parent == "Traffic shop-traffic"
    assert recording["Volume shop-volume-media"].parent == "DockerTarget shop"


def test_the_order_of_an_update_is_in_the_dependencies(recorded: Record) -> None:
    recording = recorded(site(services=BOTH))
    start, switch = recording.key("start"), recording.key("switch")
    check, migrate, collect = (recording.key("task", holding=name) for name in ("check", "migrate", "collectstatic"))
    assert {
        recording.key("release"),
        recording.key("env"),
        "Container shop-postgres",
        "Container shop-redis",
    } <= recording.before(check)
    assert check in recording[migrate].dependencies
    assert migrate in recording[collect].dependencies
    assert collect in recording[start].dependencies
    assert start in recording[switch].dependencies
    assert {check, migrate, collect, "Container shop-nginx"} <= recording.before(switch)
    assert not {start, switch} & recording.before(collect)


def test_the_proxy_waits_for_no_instance_and_no_instance_for_the_proxy(recorded: Record) -> None:
    recording = recorded(site())
    assert recording.key("proxy") in recording["Container shop-nginx"].dependencies
    assert not {recording.key("start"), recording.key("release"), recording.key("env")} & recording.before("Container shop-nginx")
    assert "Container shop-nginx" not in recording.before(recording.key("start"))


def test_files_are_put_into_volumes_only_after_the_volumes_are_made(recorded: Record) -> None:
    recording = recorded(site(services=BOTH))
    volumes = {f"Volume {name}" for name in recording.kind("Volume")}
    assert recording.step("prepare").dependencies == volumes
    for later in (recording.key("env"), recording.key("proxy"), "Container shop-postgres"):
        assert recording.key("prepare") in recording.before(later)


def test_the_env_file_reaches_the_engine_only_as_a_secret(recorded: Record) -> None:
    step = recorded(site()).step("env")
    assert is_secret(step.inputs["stdin"])
    assert f"TOKEN={TOKEN}\n" in step.request["text"]
    assert "ALLOWED_HOSTS=localhost\n" in step.request["text"]


def test_no_secret_is_in_anything_that_anybody_may_read(recorded: Record) -> None:
    shown = json.dumps([public(resource.inputs) for resource in recorded(site()).resources.values()])
    assert "[secret]" in shown
    assert TOKEN not in shown
    assert SECRET not in shown


def test_only_the_env_file_is_secret_so_that_a_diff_of_the_rest_can_be_read(recorded: Record) -> None:
    recording = recorded(site())
    assert [key for key, resource in recording.resources.items() if "[secret]" in json.dumps(public(resource.inputs))] == [
        recording.key("env")
    ]


def test_what_a_step_prints_in_its_error_stays_secret_in_state(recorded: Record) -> None:
    commands = recorded(site()).kind("Command").values()
    assert {command.secret_outputs for command in commands} == {("stderr",)}
    assert {command.inputs["logging"] for command in commands} == {"none"}


def test_nothing_about_a_site_stands_in_a_command_line(recorded: Record) -> None:
    for command in recorded(site()).kind("Command").values():
        assert " " not in command.inputs["create"]
        assert "triggers" not in command.inputs
        assert command.inputs["interpreter"][1:] == ["targets/docker/agent"]


def test_what_users_made_is_protected_and_what_a_site_can_make_again_is_not(recorded: Record) -> None:
    volumes = recorded(site(services=BOTH)).kind("Volume")
    assert {name for name, volume in volumes.items() if volume.protect} == {
        "shop-volume-media",
        "shop-volume-postgres",
        "shop-volume-redis",
    }


def test_a_site_without_services_has_neither_their_containers_nor_their_volumes(recorded: Record) -> None:
    recording = recorded(site())
    assert set(recording.kind("Container")) == {"shop-nginx"}
    assert set(recording.kind("Volume")) == {f"shop-volume-{role}" for role in ("env", "media", "nginx", "sockets", "static")}


def test_a_data_service_is_reached_over_its_socket_alone(recorded: Record) -> None:
    for container in (recorded(site(services=BOTH)).kind("Container")[name] for name in ("shop-postgres", "shop-redis")):
        assert container.inputs["networkMode"] == "none"
        assert "ports" not in container.inputs


def test_tasks_wait_until_the_data_services_take_connections(recorded: Record) -> None:
    recording = recorded(site(services=BOTH))
    check = recording.key("task", holding="check")
    for service in ("postgres", "redis"):
        ready = recording.key("await-service", holding=service)
        assert f"Container shop-{service}" in recording[ready].dependencies
        assert ready in recording.before(check)


def test_a_data_service_costs_no_health_check_for_ever(recorded: Record) -> None:
    for container in recorded(site(services=BOTH)).kind("Container").values():
        assert "healthcheck" not in container.inputs


def test_the_proxy_publishes_one_port_and_cannot_write_what_it_shows(recorded: Record) -> None:
    proxy = recorded(site(httpPort="8123", listenAddress="127.0.0.1"))["Container shop-nginx"].inputs
    assert proxy["ports"] == [{"internal": 80, "external": 8123, "ip": "127.0.0.1"}]
    assert {v["volumeName"]: v.get("readOnly", False) for v in proxy["volumes"]} == {
        "shop-sockets": True,
        "shop-static": True,
        "shop-media": True,
        "shop-nginx": False,
    }


def test_everything_is_labelled_with_its_site_and_its_stack(recorded: Record) -> None:
    recording = recorded(site(services=BOTH))
    for resource in [
        *recording.kind("Volume").values(),
        *recording.kind("Container").values(),
        recording["Network shop-network"],
    ]:
        labels = {label["label"]: label["value"] for label in resource.inputs["labels"]}
        assert (labels["gateway.app"], labels["gateway.owner"]) == ("shop", "gateway/test")
        assert labels["gateway.role"]


def test_an_instance_runs_the_image_of_its_release_with_its_env() -> None:
    recording = recorded_site(interface="asgi", server="hypercorn", drainSeconds="7", services=BOTH)
    request = recording.step("start").request
    assert (request["image"], request["env_id"]) == (IMAGE_ID, recording.step("env").request["env_id"])
    assert (request["instance"], request["drain_seconds"]) == (instance_of(recording), 7)
    assert request["argv"][0] == "hypercorn"
    assert request["variables"]["GATEWAY_ENTRY_POINT"] == "shop.asgi:application"
    assert request["services"] == ["postgres", "redis"]
    assert request["secret_names"] == ["SECRET_KEY", "TOKEN"]
    assert (request["host"], request["path"], request["timeout"]) == ("localhost", "/health/", 30)


def test_the_outputs_tell_what_serves() -> None:
    recording = recorded_site(domains=["shop.example"], httpPort="80")
    assert recording.kept["outputs"] == {
        "url": "http://shop.example/",
        "interface": "wsgi",
        "server": "gunicorn",
        "release": RELEASE,
        "instance": instance_of(recording),
        "hosts": {"docker": {}},
        "previous": None,
    }


@pytest.mark.parametrize("image", [None, "registry.example/pg@sha256:" + "d" * 64])
def test_a_service_runs_the_image_that_the_config_names_or_the_usual_one(image: str | None) -> None:
    recording = recorded_site(services={"postgres": {"image": image} if image else True})
    references = {
        resource.request["reference"] for resource in recording.kind("Command").values() if resource.inputs["create"] == "base"
    }
    assert references == {"nginx:stable", image or "postgres:17"}
