"""On two hosts: the previous instance stays running, and a switch that does not do well on one takes itself back on both."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from bench.load import Load
from tests import revealing
from tests.deployment import eventually
from tests.hosting import HostDeployment
from tests.live.database import Database
from tests.live.hosts import TestHost

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(linux: Callable[..., TestHost], deploy_to_hosts: Callable[..., HostDeployment], database: Database) -> HostDeployment:
    site = deploy_to_hosts("standing", [linux("stand0"), linux("stand1")], database=database.url("standing"))
    revealing.install(site)
    revealing.code(site, "first")
    site.must_up(workers=1, standby=True, drainSeconds=3, health={"timeout": 60})
    return site


@contextmanager
def people(site: HostDeployment) -> Iterator[list[Load]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(Load(base_url=site.url_of(host), host=site.domain, rate=20, post_rate=3, idle=2, clients=3))
            for host in site.hosts
        ]


def level(site: HostDeployment, value: str) -> str:
    """An update that differs in an env value; the instance that serves then."""
    site.config["env"] = {**site.config["env"], "LEVEL": value}
    site.must_up()
    return site.health()["instance"]


def serving(site: HostDeployment) -> list[str]:
    return [site.health_of(host)["instance"] for host in site.hosts]


def units(site: HostDeployment) -> list[set[str]]:
    return [set(site.units(host)) for host in site.hosts]


@pytest.fixture(scope="module")
def instances(site: HostDeployment) -> list[str]:
    """Ids of three instances in the order in which they served; the last one serves."""
    return [site.health()["instance"], level(site, "2"), level(site, "3")]


def test_only_the_one_that_served_last_is_kept_and_nothing_is_to_be_done_about_it(
    site: HostDeployment, instances: list[str]
) -> None:
    assert units(site) == [set(instances[1:])] * 2
    before = site.logins()
    again = site.must_up()
    assert "nothing to do" in again.out
    assert f"instance {instances[1]} is kept running, " in again.out
    assert "on each of 2 hosts" in again.out
    assert site.logins() == before


def test_going_back_to_it_loses_no_request_on_any_host_and_to_and_fro(site: HostDeployment, instances: list[str]) -> None:
    with people(site) as loads:
        result = site.rollback()
    assert result.status == 0, result.text
    for load in loads:
        assert load.report.failed == 0, load.report.summary()
        assert load.report.closed_idle == 0
    assert f"traffic is back on the standby {instances[1]} after " in result.out
    assert serving(site) == [instances[1]] * 2
    assert units(site) == [set(instances[1:])] * 2
    site.must_rollback(3)
    assert serving(site) == [instances[2]] * 2


def test_where_one_host_has_lost_its_standby_the_update_does_it_on_all(site: HostDeployment, instances: list[str]) -> None:
    broken = site.hosts[1]
    broken.sh(f"systemctl stop standing-{instances[1]}.service standing-{instances[1]}.socket")
    with people(site) as loads:
        result = site.rollback()
    assert result.status == 0, result.text
    assert all(load.report.failed == 0 for load in loads)
    assert serving(site) == [instances[1]] * 2
    site.must_rollback(3)


def test_a_standby_that_dies_is_started_again_and_comes_back_after_a_reboot(site: HostDeployment, instances: list[str]) -> None:
    host, unit = site.hosts[1], f"standing-{instances[1]}.service"
    host.run("systemctl", "kill", "--signal=KILL", unit)
    eventually(lambda: host.run("systemctl", "is-active", unit, check=False).strip() == "active", 20)
    host.container.restart(timeout=20)
    host.await_boot()
    eventually(lambda: site.answers(host), 60, "the site answers again")
    eventually(lambda: host.run("systemctl", "is-active", unit, check=False).strip() == "active", 20, "and so would the standby")
    result = site.rollback()
    assert result.status == 0, result.text
    assert "traffic is back on the standby" in result.out
    assert serving(site) == [instances[1]] * 2


def test_open_streams_leave_the_standby_and_come_back_on_the_one_that_serves(site: HostDeployment, instances: list[str]) -> None:
    site.must_up(interface="asgi", server="uvicorn")
    with Load(base_url=site.url, host=site.domain, rate=20, websockets=3, sse=3, clients=4) as load:
        level(site, "streams")
    report = load.report
    assert report.failed == 0, report.summary()
    for streams in (report.websockets, report.sse):
        assert (streams["opened"], streams["cut"], streams["open_at_end"]) == (6, 0, 3), report.summary()
    back = site.rollback()
    assert "traffic is back on the standby" in back.out, back.text


BROKEN = """

import os

from django.http import HttpResponse
from django.urls import path as _path


def index(request):
    if os.path.exists("/srv/standing/media/broken"):
        raise RuntimeError("not every page works")
    return HttpResponse("fine")


urlpatterns.insert(0, _path("", index))
"""


def test_pages_that_fail_on_one_host_bring_both_back_and_the_update_says_where(site: HostDeployment) -> None:
    site.must_up(interface="wsgi", server="gunicorn", standby=False)
    good, bad = level(site, "good"), site.hosts[1]
    urls = site.source / "shop/urls.py"
    text = urls.read_text()
    urls.write_text(text + BROKEN)
    bad.sh("touch /srv/standing/media/broken")
    try:
        with people(site) as loads:
            result = site.up(watchSeconds=30)
        first = result.err.splitlines()[0]
        assert result.status == 1, result.text
        assert f"took traffic and did not do well: {bad.address}: " in first
        assert "answers were 5xx (GET standing.example/ 500 " in first
        assert f"{site.hosts[0].address}, {bad.address} went back by themselves" in first
        eventually(lambda: serving(site) == [good] * 2, 5, "what Nginx keeps open to the other one is used up")
        assert loads[0].report.failed == 0, loads[0].report.summary()
        last = loads[1].report.last_failure
        assert last is not None
        assert last < loads[1].report.seconds, "the old instance answers again"
        assert result.seconds < 60
    finally:
        urls.write_text(text)
        bad.sh("rm -f /srv/standing/media/broken")
    site.must_up(watchSeconds=2)
    assert "nothing to do" in site.must_up().out


def test_a_process_that_ends_after_the_switch_brings_both_back(site: HostDeployment) -> None:
    good, host = site.health()["instance"], site.hosts[0]
    site.config |= {"watchSeconds": 30, "env": {**site.config["env"], "LEVEL": "dying"}}
    update = site.start()
    eventually(lambda: all(one != good for one in serving(site)), 120, "both hosts have been switched")
    dying = serving(site)[0]
    host.run("systemctl", "kill", "--signal=KILL", f"standing-{dying}.service")
    out, _ = update.communicate(timeout=60)
    assert update.returncode == 1, out
    assert f"{host.address}: its process ended and was started again" in out
    eventually(lambda: serving(site) == [good] * 2, 5, "what Nginx keeps open to the other one is used up")
    site.must_up(env={**site.config["env"], "LEVEL": "good"})
    assert units(site) == [{good}] * 2


def test_without_standby_none_is_kept_and_down_leaves_none(site: HostDeployment) -> None:
    site.config["watchSeconds"] = 0
    site.must_up(standby=True)
    level(site, "last")
    assert [len(found) for found in units(site)] == [2, 2]
    site.must_up(standby=False)
    assert units(site) == [{site.health()["instance"]}] * 2
    site.must_up(standby=True)
    level(site, "really last")
    assert site.ops("down").status == 0
    assert units(site) == [set(), set()]
