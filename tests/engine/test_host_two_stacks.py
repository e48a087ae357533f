"""Two stacks of one site on a host: each with an instance and a config of its own, and exactly one of them has the traffic."""

from collections.abc import Callable

import pytest

from bench.load import Load
from tests.deployment import eventually
from tests.hosting import HostDeployment
from tests.live.hosts import TestHost
from tests.stacks import Stacks

pytestmark = pytest.mark.long

APP = "hosttwo"


@pytest.fixture(scope="module")
def host(linux: Callable[..., TestHost]) -> TestHost:
    return linux("two")


@pytest.fixture(scope="module")
def stacks(deploy_to_hosts: Callable[..., HostDeployment], host: TestHost) -> Stacks[HostDeployment]:
    site = deploy_to_hosts(APP, [host])
    site.config |= {"workers": 1, "drainSeconds": 3, "health": {"timeout": 60}}
    return Stacks(site)


def processes(site: HostDeployment) -> dict[str, str]:
    """Instance -> its main process."""
    return {
        one: site.hosts[0].run("systemctl", "show", f"{APP}-{one}.service", "-p", "MainPID,ActiveState").strip()
        for one in sorted(site.units())
    }


def test_a_stack_joins_only_a_site_that_is_there(stacks: Stacks[HostDeployment]) -> None:
    result = stacks("prod-asgi").up()
    assert result.status == 1, result.text
    assert f"stack prod-wsgi serves no '{APP}' on this host to join; way out: make up STACK=prod-wsgi first" in result.err


def test_two_stacks_with_one_name_by_accident_are_still_refused(stacks: Stacks[HostDeployment]) -> None:
    stacks("prod-wsgi").must_up()
    other = stacks("prod-asgi")
    joins = other.config.pop("joins")
    try:
        refused = other.up()
    finally:
        other.config["joins"] = joins
    assert refused.status == 1, refused.text
    assert f"{APP} on this host belongs to stack gateway/prod-wsgi; way out: another app.name" in refused.err


def test_the_stack_that_is_brought_up_has_the_traffic_to_and_fro_and_nobody_notices(stacks: Stacks[HostDeployment]) -> None:
    stacks("prod-asgi").must_up()
    site = stacks.site
    assert site.health()["interface"] == "asgi"
    both = processes(site)
    assert len(both) == 2
    for stack, interface in (("prod-wsgi", "wsgi"), ("prod-asgi", "asgi"), ("prod-wsgi", "wsgi")):
        stacks(stack)
        with Load(base_url=site.url, host=site.domain, rate=40, post_rate=5, slow=1, idle=4, clients=4) as load:
            done = site.pulumi("up", "--yes", "--skip-preview")
        assert done.status == 0, done.text
        assert load.report.failed == 0, load.report.summary()
        assert load.report.closed_idle == 0
        # Nobody drains the other stack's instance: Nginx uses its connections to it for two seconds more.
        eventually(lambda wanted=interface: site.health()["interface"] == wanted, 10, done.text)  # type: ignore[misc]
        assert site.outputs()["interface"] == interface
        assert processes(site) == both, "both run, before and after, and nothing was started"


def test_the_preview_of_the_other_one_says_that_it_does_not_serve(stacks: Stacks[HostDeployment]) -> None:
    preview = stacks("prod-asgi").pulumi("preview")
    assert preview.status == 0, preview.text
    assert "this stack does not serve: stack prod-wsgi does, wsgi (gunicorn)" in preview.text
    assert "this stack does not serve" not in stacks("prod-wsgi").pulumi("preview").text


def test_a_new_release_of_one_leaves_the_instance_of_the_other_alone(stacks: Stacks[HostDeployment]) -> None:
    site = stacks("prod-wsgi")
    old = site.health()["instance"]
    other = {one: told for one, told in processes(site).items() if one != old}
    site.config["env"] = {**site.config["env"], "LEVEL": "2"}
    site.must_up()
    assert other.items() <= processes(site).items()
    assert len(site.units()) == 2
    assert "nothing to do" in site.must_up().out


def test_each_goes_back_in_its_own_history_and_has_a_standby_of_its_own(stacks: Stacks[HostDeployment]) -> None:
    site = stacks("prod-wsgi")
    now = site.health()
    site.must_rollback()
    assert site.health()["interface"] == "wsgi"
    assert site.health()["instance"] != now["instance"]
    assert len(site.units()) == 2
    site.config["env"] = {**site.config["env"], "LEVEL": "3"}
    site.must_up(standby=True)
    assert len(site.units()) == 3
    stacks("prod-asgi").must_up()
    assert len(site.units()) == 3, "the standby of the other stack stays"
    assert site.health()["interface"] == "asgi"
    back = stacks("prod-wsgi").rollback()
    assert back.status == 0, back.text
    assert "traffic is back on the standby" in back.out


def test_after_a_reboot_both_run_and_the_right_one_has_the_traffic(stacks: Stacks[HostDeployment], host: TestHost) -> None:
    site, before = stacks("prod-wsgi"), stacks.site.health()
    host.container.restart(timeout=20)
    host.await_boot()
    eventually(lambda: site.answers(), 60, "the site answers again")
    assert site.health() == before
    eventually(lambda: all("ActiveState=active" in told for told in processes(site).values()), 30, "all of them run")
    assert len(site.units()) == 3


def test_the_first_stays_as_long_as_another_needs_it_and_gets_the_traffic_when_that_goes(
    stacks: Stacks[HostDeployment], host: TestHost
) -> None:
    refused = stacks("prod-wsgi").ops("down")
    assert refused.status == 2, refused.text
    assert "stack prod-asgi has joined this site and needs it; way out: make down STACK=prod-asgi first" in refused.err
    site = stacks("prod-asgi")
    site.must_up()
    assert site.health()["interface"] == "asgi"
    with Load(base_url=site.url, host=site.domain, rate=20, clients=2) as load:
        done = site.ops("down")
    assert done.status == 0, done.text
    assert load.report.failed == 0, load.report.summary()
    assert site.health()["interface"] == "wsgi"
    assert stacks("prod-wsgi").ops("down").status == 0
    assert site.units() == []
    left = host.sh(f"ls /etc/systemd/system /etc/nginx/sites-enabled /run | grep {APP}; ls -A /srv/{APP}", check=False)
    assert left.split() == ["data", "media"]
