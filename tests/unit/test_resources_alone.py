"""Each component used by itself, as somebody would in a program of their own."""

from collections.abc import Callable

import pulumi
import pytest

from components.django_app_server import DjangoAppServer, DjangoAppServerArgs
from components.env_secret import EnvSecret, EnvSecretArgs
from components.nginx_proxy import NginxProxy, NginxProxyArgs
from components.release import Release, ReleaseArgs
from components.release_tasks import ReleaseTasks, ReleaseTasksArgs
from components.traffic import Traffic, TrafficArgs
from rendering.servers import ServerSpec
from targets.base import ReleaseSpec
from targets.docker import DockerTarget
from tests.unit.recording import IMAGE_ID, Recording, is_secret
from tests.unit.sites import OWNER, RELEASE, TOKEN, instance_of, without_ids

Record = Callable[[Callable[[], object]], Recording]
SERVER = ServerSpec(interface="wsgi", server="gunicorn", entry_point="shop.wsgi:application")


class Parts:
    """The parts of a site, each made when it is first asked for."""

    def __init__(self) -> None:
        self.target = DockerTarget("shop", owner=OWNER)

    def release(self) -> Release:
        spec = ReleaseSpec(
            release=RELEASE, source="examples/shop", requirements="requirements.txt", packages=("x>=1",), python="3.12"
        )
        return Release("code", ReleaseArgs(target=self.target, spec=spec))

    def env(self) -> EnvSecret:
        return EnvSecret("env", EnvSecretArgs(target=self.target, env={"LEVEL": "1"}, secrets={"TOKEN": TOKEN}))

    def server(self, *after: pulumi.Resource) -> DjangoAppServer:
        args = DjangoAppServerArgs(
            target=self.target,
            release=self.release(),
            env=self.env(),
            server=SERVER,
            settings_module="shop.settings",
            host="shop.example",
            after=after,
        )
        return DjangoAppServer("app", args)

    def proxy(self) -> NginxProxy:
        return NginxProxy("proxy", NginxProxyArgs(target=self.target, domains=("shop.example",), port=80))


def test_a_target_alone_is_network_volumes_and_folders(recorded: Record) -> None:
    recording = recorded(lambda: DockerTarget("blog", owner=OWNER))
    assert set(recording.kind("Command")) == {"blog-storage"}
    assert recording["Network blog-network"].inputs["name"] == "blog"
    assert recording["Volume blog-volume-media"].protect
    assert {resource.parent for resource in recording.kind("Volume").values()} == {"DockerTarget blog"}


def test_a_release_asks_for_exactly_what_it_is_made_of(recorded: Record) -> None:
    recording = recorded(lambda: {"code": Parts().release().code})
    step = recording.step("release")
    assert (step.name, step.parent) == (f"code-{RELEASE}", "Release code")
    assert step.request == {
        "app": "shop",
        "owner": OWNER,
        "stack": "",
        "release": RELEASE,
        "source": "examples/shop",
        "ref": None,
        "digest": None,
        "image": None,
        "dockerfile": None,
        "requirements": "requirements.txt",
        "packages": ["x>=1"],
        "settings_module": "",
        "migrations": [],
        "base": "python:3.12-slim",
        "keep": 5,
    }
    assert recording.kept["code"] in (IMAGE_ID, None)


def test_an_env_file_is_secret_and_its_id_is_not(recorded: Record) -> None:
    recording = recorded(lambda: {"secret": Parts().env().file.is_secret()})
    step = recording.step("env")
    assert is_secret(step.inputs["stdin"])
    assert step.name == f"env-{step.request['env_id']}"
    assert step.request["text"] == f"LEVEL=1\nTOKEN={TOKEN}\n"
    assert recording.kept["secret"] is False


def test_a_target_is_handed_the_env_file_as_a_secret_already(recorded: Record) -> None:
    class Listening(DockerTarget):
        heard: pulumi.Output[str]

        def env_file(
            self, name: str, env_id: str, text: pulumi.Output[str], parent: pulumi.Resource, observed: str = ""
        ) -> pulumi.Output[str]:
            self.heard = text
            return super().env_file(name, env_id, text, parent, observed)

    def program() -> dict[str, object]:
        target = Listening("shop", owner=OWNER)
        EnvSecret("env", EnvSecretArgs(target=target, secrets={"TOKEN": TOKEN}))
        return {"secret": target.heard.is_secret()}

    assert recorded(program).kept["secret"] is True


def test_an_instance_waits_for_what_the_caller_names(recorded: Record) -> None:
    def program() -> None:
        parts = Parts()
        parts.server(DockerTarget("first", owner=OWNER))

    recording = recorded(program)
    assert "Command first-storage" in recording.before(recording.key("start"))


def test_an_instance_waits_for_its_release_and_its_env_without_being_told(recorded: Record) -> None:
    recording = recorded(lambda: Parts().server())
    assert recording.step("start").name == f"app-{instance_of(recording)}"
    assert {recording.key("release"), recording.key("env")} <= recording.step("start").dependencies


def test_the_tasks_run_one_after_the_other_with_code_and_env(recorded: Record) -> None:
    def program() -> None:
        parts = Parts()
        args = ReleaseTasksArgs(target=parts.target, release=parts.release(), env=parts.env(), settings_module="shop.settings")
        ReleaseTasks("tasks", args)

    recording = recorded(program)
    assert without_ids(set(recording.kind("Command"))) == [
        "code-<id>",
        "env-<id>",
        "shop-storage",
        "tasks-check-<id>",
        "tasks-collectstatic-<id>",
        "tasks-migrate-<id>",
    ]
    keys = [recording.key("task", holding=task) for task in ("check", "migrate", "collectstatic")]
    assert {recording.key("release"), recording.key("env")} <= recording.before(keys[0])
    assert keys[0] in recording[keys[1]].dependencies
    assert keys[1] in recording[keys[2]].dependencies
    assert keys[2] not in recording.before(keys[1])


def test_a_proxy_alone_knows_its_url_and_nothing_of_the_app(recorded: Record) -> None:
    recording = recorded(lambda: {"url": Parts().proxy().url})
    assert recording.kept["url"] == "http://shop.example/"
    assert set(recording.kind("Command")) == {"shop-storage", "shop-image-nginx-stable", "proxy-conf"}
    assert recording["Container proxy"].inputs["name"] == "shop-nginx"


def test_traffic_waits_for_the_instance_and_for_the_proxy(recorded: Record) -> None:
    def program() -> dict[str, pulumi.Output[object]]:
        parts = Parts()
        server, proxy = parts.server(), parts.proxy()
        traffic = Traffic("traffic", TrafficArgs(target=parts.target, server=server, proxy=proxy, host="shop.example"))
        return {"result": pulumi.Output.from_input(traffic.result)}

    recording = recorded(program)
    assert recording.step("switch").dependencies == {recording.key("start"), "Container proxy", "Command proxy-conf"}
    result = recording.kept["result"]  # None in a preview, where nobody knows the proxy's configuration yet
    if result is not None:
        assert recording.step("switch").request["host"] == "shop.example"
        assert result["instance"] == instance_of(recording)


@pytest.mark.parametrize("made", ["release", "env", "server", "proxy"])
def test_a_component_always_has_a_child_to_wait_for(recorded: Record, made: str) -> None:
    def program() -> None:
        parts = Parts()
        pulumi.ComponentResource(
            "test:index:Waiting", "waiting", None, pulumi.ResourceOptions(depends_on=[getattr(parts, made)()])
        )

    waits = recorded(program)["Waiting waiting"].dependencies
    assert [key for key in waits if key.startswith("Command ")]
