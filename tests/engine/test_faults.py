"""Things die: an instance, the update itself, the Docker engine. What served serves again, and the next up makes all as asked."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import httpx
import pytest

from bench.load import Load
from targets.docker import names
from targets.docker.agent import engine, instances
from targets.docker.requests import InstanceRequest
from tests.deployment import Deployment, eventually, kill
from tests.engine.private_docker import PrivateDocker, private_docker


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    site = deploy("faulty")
    site.must_up(drainSeconds=5)
    return site


def test_a_server_process_that_dies_comes_back_by_itself(site: Deployment) -> None:
    serving = site.health()
    container = site.docker.containers.get(f"{site.app}-{serving['instance']}")
    os.kill(int(container.attrs["State"]["Pid"]), signal.SIGKILL)
    eventually(lambda: _answers(site), what="the site answers again")
    assert site.health() == serving
    assert "nothing to do" in site.must_up().out


def test_an_instance_killed_by_hand_is_started_again_by_the_next_up(site: Deployment) -> None:
    serving = site.health()
    site.docker.containers.get(f"{site.app}-{serving['instance']}").kill()
    assert not _answers(site)
    site.must_up()
    assert site.health() == serving
    assert "nothing to do" in site.must_up().out


def test_an_instance_removed_by_hand_is_made_again_by_the_next_up(site: Deployment) -> None:
    serving = site.health()
    site.docker.containers.get(f"{site.app}-{serving['instance']}").remove(force=True)
    site.must_up()
    assert site.health() == serving


def test_an_nginx_removed_by_hand_is_made_again_by_the_next_up(site: Deployment) -> None:
    site.docker.containers.get(f"{site.app}-nginx").remove(force=True)
    site.must_up()
    assert _answers(site)


def _answers(site: Deployment) -> bool:
    try:
        return site.health()["interface"] != ""
    except (AssertionError, httpx.HTTPError):
        return False


def _new_instance_runs(site: Deployment, old: str) -> bool:
    return any(name != f"{site.app}-{old}" for name in site.containers("instance"))


MOMENTS: dict[str, Callable[[Deployment, str], bool]] = {
    "while the release is made": lambda site, old: any((site.folder / ".gateway/state/.pulumi/locks").rglob("*.json")),
    "while the new instance is proved": _new_instance_runs,
    "while the old instance drains": lambda site, old: site.health()["instance"] != old,
}


@pytest.mark.parametrize("moment", MOMENTS, ids=[name.replace(" ", "-") for name in MOMENTS])
def test_an_update_that_is_killed_harms_nobody_and_the_next_one_finishes(site: Deployment, moment: str) -> None:
    old = site.health()["instance"]
    (site.source / "store/static/store/killed.txt").write_text(moment)
    with Load(base_url=site.url, host="localhost", rate=30, post_rate=5, websockets=0) as load:
        update = site.start()
        eventually(lambda: MOMENTS[moment](site, old), 180, moment)
        kill(update)
        result = site.must_up()
    assert load.report.failed == 0, load.report.summary()
    assert "was killed" in result.out
    serving = site.health()
    assert serving["instance"] != old
    assert site.containers("instance") == {f"{site.app}-{serving['instance']}": "running"}
    assert site.containers("task") == {}
    assert not json.loads(site.state())["deployment"].get("pending_operations")
    assert "nothing to do" in site.must_up().out


def test_a_kill_in_the_middle_of_writing_the_state_costs_nothing(site: Deployment) -> None:
    serving = site.health()
    state = next((site.folder / ".gateway/state/.pulumi/stacks").rglob("dev.json"))
    Path(f"{state}.attrs").write_text("")  # what the CLI leaves that is killed between making this file and filling it
    assert "nothing to do" in site.must_up().out
    assert site.health() == serving


def test_a_killed_update_whose_config_is_taken_back_leaves_no_stray(site: Deployment) -> None:
    old, interface = site.health(), site.config["interface"]
    site.config["interface"] = "asgi"
    update = site.start()
    eventually(lambda: _new_instance_runs(site, old["instance"]), 180)
    kill(update)
    site.must_up(interface=interface)
    assert site.health() == old
    assert site.containers("instance") == {f"{site.app}-{old['instance']}": "running"}


def test_an_instance_that_a_kill_left_half_made_is_not_taken_for_the_real_one(
    site: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = _request(site, site.health()["instance"]).model_copy(update={"instance": "feedfeedfe"})
    name = f"{site.app}-feedfeedfe"

    class Killed(BaseException):
        """Nothing in the agent runs after it, as after kill -9."""

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as at_work:
        at_work.setattr(engine, "put", killed)
        with pytest.raises(Killed):
            instances.start(site.docker, request)
    assert name not in site.containers()
    try:
        instances.start(site.docker, request)
        status, found = engine.run_in(site.docker.containers.get(name), "ls", "/gateway")
        assert (status, set(found.split())) == (0, {path.name for path in names.BROUGHT})
    finally:
        instances.stop(site.docker, request)
    assert not [other for other in site.containers() if other.startswith(name)]


def test_what_a_killed_step_left_half_way_is_removed_by_the_next_one(site: Deployment) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    labels = {**engine.temporary(site.app, "stub"), names.LABEL_PROCESS: f"{socket.gethostname()}:{gone.pid}"}
    stray = site.docker.containers.create(engine.EMPTY_IMAGE, ["-"], labels=labels)
    mine = site.docker.containers.create(engine.EMPTY_IMAGE, ["-"], labels=engine.temporary(site.app, "stub"))
    site.must_up()
    present = site.containers("stub")
    mine.remove()
    assert str(mine.name) in present
    assert str(stray.name) not in present


def _request(site: Deployment, instance: str) -> InstanceRequest:
    """What the engine's state says of a running instance."""
    resources = json.loads(site.state())["deployment"]["resources"]
    urn = f"::{site.app}-{instance}"
    text = next(resource["inputs"]["stdin"] for resource in resources if resource["urn"].endswith(urn))
    return InstanceRequest.model_validate_json(text)


def test_a_second_up_at_the_same_time_is_told_who_is_at_work(site: Deployment) -> None:
    site.config["env"] = {"ROUND": "lock"}
    update = site.start()
    eventually(lambda: any((site.folder / ".gateway/state/.pulumi/locks").rglob("*.json")), 60)
    second = site.ops("up")
    out, _ = update.communicate(timeout=120)
    assert update.returncode == 0, out
    assert second.status == 1, second.text
    assert "another update of stack dev is running: process" in second.err.splitlines()[0]


@pytest.fixture(scope="module")
def private(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateDocker]:
    with private_docker(tmp_path_factory.mktemp("docker"), engine) as private:
        yield private


@pytest.fixture(scope="module")
def moved(private: PrivateDocker, deploy: Callable[..., Deployment]) -> Deployment:
    site = deploy("moved", env=private.env, address=private.address)
    site.must_up(listenAddress="0.0.0.0")
    return site


def test_after_a_restart_of_the_engine_the_site_serves_without_any_help(private: PrivateDocker, moved: Deployment) -> None:
    serving = moved.health()
    private.stop()
    assert not _answers(moved)
    private.start()
    eventually(lambda: _answers(moved), 60, "the site answers again")
    assert moved.health() == serving
    assert "nothing to do" in moved.must_up().out


def test_an_engine_that_stops_in_the_middle_of_an_update_costs_the_update_and_not_the_site(
    private: PrivateDocker, moved: Deployment
) -> None:
    old = moved.health()
    moved.config["interface"] = "asgi"
    update = moved.start()
    eventually(lambda: _new_instance_runs(moved, old["instance"]), 60)
    private.stop()
    out, _ = update.communicate(timeout=120)
    assert update.returncode in (1, 3), out
    assert "Docker" in out
    private.start()
    eventually(lambda: _answers(moved), 60, "the old instance serves again")
    assert moved.health() == old
    moved.must_up()
    assert moved.health()["interface"] == "asgi"
    assert len(moved.containers("instance")) == 1
