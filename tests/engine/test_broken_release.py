"""The next release is broken: it never takes traffic, the message says why, and the next good one leaves nothing of it behind."""

import json
from collections.abc import Callable

import pytest

from bench.load import Load
from tests.deployment import Deployment
from tests.faults import FAULTS, Fault, broken

LIKE_ANOTHER = ("bad settings module", "health answers 301", "health answers 400")
"""Told in the long run: each goes the way of one that is told each time."""
STORIES = [pytest.param(fault, marks=pytest.mark.long if fault.name in LIKE_ANOTHER else []) for fault in FAULTS]


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    site = deploy("broken")
    site.must_up(health={"timeout": 8})
    return site


@pytest.mark.parametrize("fault", STORIES, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_broken_release_never_takes_traffic_and_the_message_says_why(site: Deployment, fault: Fault) -> None:
    before = site.health()
    with broken(site, fault):
        with Load(base_url=site.url, host="localhost", rate=50, post_rate=10) as load:
            result = site.ops("up")
        assert load.report.failed == 0, load.report.summary()
        assert result.status == 1, result.text
        first, _, below = result.err.partition("\n")
        for word in fault.words:
            assert word.format(domain="localhost") in first, result.err
        assert ("preflight: here: variable: shop/settings.py" in result.out) == (fault.name == "missing variable"), result.out
        assert fault.below in below, result.err
        assert "Traceback (most recent call last)" not in first
        assert f"instance {before['instance']}" in result.err.strip().splitlines()[-1]
        assert site.health() == before
        assert site.outputs()["instance"] == before["instance"]


def test_the_next_good_up_leaves_one_instance_and_nothing_else(site: Deployment) -> None:
    (site.source / "store/static/store/new.txt").write_text("a good release")
    site.must_up()
    serving = site.health()
    assert site.containers("instance") == {f"{site.app}-{serving['instance']}": "running"}
    assert site.containers("task") == {}
    assert not json.loads(site.state())["deployment"].get("pending_operations")


def test_diagnosis_says_all_is_well_and_names_an_instance_that_somebody_stopped(site: Deployment) -> None:
    well = site.ops("diagnose", "--minutes", "1")
    assert (well.status, well.out.splitlines()[-1]) == (0, "all is well (logs of the last 1 minute)"), well.text
    site.docker.containers.get(f"{site.app}-{site.health()['instance']}").stop(timeout=3)
    ill = site.ops("diagnose", "--minutes", "1")
    assert ill.status == 1, ill.text
    assert "is dead; Nginx answers 502" in ill.out
    assert "way out: make up starts it again" in ill.out
    site.must_up()
    assert site.health()
