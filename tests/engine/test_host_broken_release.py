"""The next release is broken in each way: on a host too it never takes traffic, and the message says why."""

import dataclasses
from collections.abc import Callable

import pytest

from bench.load import Load
from tests.faults import FAULTS, Fault, broken
from tests.hosting import HostDeployment
from tests.live.hosts import TestHost

WORDS = {"migration fails": ("migrate of release", "nothing was switched", "no_such_table")}
QUICK = ("import error", "settings refuse the domain", "health answers 500", "migration fails")
"""Told each time; the others are told on Docker, and here in the long run."""
STORIES = [pytest.param(fault, marks=[] if fault.name in QUICK else pytest.mark.long) for fault in FAULTS]


@pytest.fixture(scope="module")
def site(linux: Callable[..., TestHost], deploy_to_hosts: Callable[..., HostDeployment]) -> HostDeployment:
    site = deploy_to_hosts("hostbroken", [linux("broken")])
    site.must_up(health={"timeout": 4})
    return site


@pytest.mark.parametrize("fault", STORIES, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_broken_release_never_takes_traffic_and_the_message_says_why(site: HostDeployment, fault: Fault) -> None:
    fault = dataclasses.replace(fault, words=WORDS.get(fault.name, fault.words))
    before = site.health()
    with broken(site, fault):
        with Load(base_url=site.url, host=site.domain, rate=50, post_rate=10) as load:
            result = site.ops("up")
        assert load.report.failed == 0, load.report.summary()
        assert result.status == 1, result.text
        first, _, below = result.err.partition("\n")
        for word in fault.words:
            assert word.format(domain=site.domain) in first, result.err
        assert fault.below in below, result.err
        assert f"instance {before['instance']}" in result.err.strip().splitlines()[-1]
        assert site.health() == before
        assert site.units() == [before["instance"]]


def test_diagnosis_says_all_is_well_and_names_an_instance_that_somebody_stopped(site: HostDeployment) -> None:
    site.must_up()
    well = site.ops("diagnose", "--minutes", "1")
    assert (well.status, well.out.splitlines()[-1]) == (0, "all is well (logs of the last 1 minute)"), well.text
    unit = f"{site.app}-{site.health()['instance']}"
    site.hosts[0].run("systemctl", "stop", f"{unit}.socket", f"{unit}.service")
    ill = site.ops("diagnose", "--minutes", "1")
    assert ill.status == 1, ill.text
    assert "is dead; Nginx answers 502" in ill.out
    assert "way out: make up starts it again" in ill.out
    site.must_up()
    assert site.answers()


def test_preflight_asks_the_host_and_what_the_host_can_reach(site: HostDeployment) -> None:
    well = site.ops("preflight")
    assert well.status == 0, well.text
    for words in ("as root", "Debian GNU/Linux", "Nginx has it", "as the one that runs", "the release that serves: it"):
        assert words in well.out, well.text
    site.config["env"] = {**site.config["env"], "REDIS_URL": "redis://127.0.0.1:6379/0"}
    site.write_config()
    ill = site.ops("preflight")
    del site.config["env"]["REDIS_URL"]
    assert ill.status == 3, ill.text
    assert f"{site.hosts[0].address}: REDIS_URL: nobody answers (Connection refused); way out: " in ill.err
