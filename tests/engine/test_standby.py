"""The previous instance is kept running: going back is one rename; and a switch that does not do well takes itself back."""

from collections.abc import Callable

import pytest

from bench.load import Load
from tests.deployment import Deployment

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    site = deploy("standing")
    site.must_up(drainSeconds=5, standby=True, health={"timeout": 60})
    return site


@pytest.fixture(scope="module")
def instances(site: Deployment) -> list[str]:
    """Ids of three instances in the order in which they served; the last one serves."""
    ids = [site.health()["instance"]]
    for level in ("2", "3"):
        result = site.must_up(env={"LEVEL": level})
        assert f"instance {ids[-1]} is kept running, " in result.out
        assert "MiB of memory" in result.out
        ids.append(site.health()["instance"])
    return ids


def _running(site: Deployment) -> set[str]:
    return {name.rpartition("-")[2] for name, status in site.containers("instance").items() if status == "running"}


def test_only_the_one_that_served_last_is_kept_and_nothing_is_to_be_done_about_it(site: Deployment, instances: list[str]) -> None:
    assert _running(site) == set(instances[1:])
    assert "nothing to do" in site.must_up().out
    assert _running(site) == set(instances[1:])


def test_going_back_to_it_takes_no_start_and_loses_no_request(site: Deployment, instances: list[str]) -> None:
    container = site.docker.containers.get(f"{site.app}-{instances[1]}")
    started = container.attrs["State"]["StartedAt"]
    with Load(base_url=site.url, host="localhost", rate=40, post_rate=5, slow=1, idle=4, clients=4) as load:
        result = site.rollback()
    assert result.status == 0, result.text
    assert load.report.failed == 0, load.report.summary()
    assert load.report.closed_idle == 0
    assert f"traffic is back on the standby {instances[1]} after " in result.out
    assert site.health()["instance"] == site.outputs()["instance"] == instances[1]
    container.reload()
    assert container.attrs["State"]["StartedAt"] == started
    assert _running(site) == set(instances[1:]), "now the other one is the standby"
    site.must_rollback(3)
    assert site.health()["instance"] == instances[2]


def test_open_streams_leave_the_standby_and_come_back_on_the_one_that_serves(site: Deployment, instances: list[str]) -> None:
    site.must_up(interface="asgi", server="uvicorn")
    with Load(base_url=site.url, host="localhost", rate=20, websockets=3, sse=3, clients=4) as load:
        site.must_up(env={"LEVEL": "streams"})
    report = load.report
    assert report.failed == 0, report.summary()
    for streams in (report.websockets, report.sse):
        assert (streams["opened"], streams["cut"], streams["open_at_end"]) == (6, 0, 3), report.summary()


def test_a_standby_that_dies_is_started_again_and_can_be_gone_back_to(site: Deployment, instances: list[str]) -> None:
    standby = (_running(site) - {site.health()["instance"]}).pop()
    site.docker.containers.get(f"{site.app}-{standby}").restart(timeout=1)
    site.must_rollback()
    assert site.health()["instance"] == standby


BROKEN = """

def index(request):
    raise RuntimeError("not every page works")
"""


def test_a_switch_after_which_pages_fail_goes_back_by_itself_and_says_what_was_seen(
    site: Deployment, instances: list[str]
) -> None:
    site.must_up(interface="wsgi", server="gunicorn", env={"LEVEL": "good"})
    good = site.health()
    urls = site.source / "shop/urls.py"
    text = urls.read_text()
    urls.write_text(f"{text}{BROKEN}\n\nfrom django.urls import path as _path\nurlpatterns.insert(0, _path('', index))\n")
    try:
        with Load(base_url=site.url, host="localhost", rate=30, clients=4) as load:
            result = site.up(watchSeconds=30)
        first = result.err.splitlines()[0]
        assert result.status == 1, result.text
        assert "took traffic and did not do well" in first
        assert "answers were 5xx (GET localhost/ 500 " in first
        assert f"traffic is back on {good['instance']}" in first
        assert site.health() == good
        assert load.report.failed > 0
        last = load.report.last_failure
        assert last is not None
        assert last < load.report.seconds, "the old instance answers again"
    finally:
        urls.write_text(text)
    site.must_up(watchSeconds=2)
    assert "nothing to do" in site.must_up().out


def test_without_standby_none_is_kept_and_down_leaves_none(site: Deployment, instances: list[str]) -> None:
    site.must_up(env={"LEVEL": "last"})
    assert len(_running(site)) == 2
    site.must_up(standby=False)
    assert _running(site) == {site.health()["instance"]}
    site.must_up(standby=True, env={"LEVEL": "really last"})
    assert len(_running(site)) == 2
    assert site.ops("down").status == 0
    assert site.containers() == {}
