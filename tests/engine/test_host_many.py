"""Four hosts behind one database: traffic moves on all of them or on none."""

import contextlib
import dataclasses
import json
import subprocess
from collections.abc import Callable, Iterator

import pytest

from bench.load import Load
from tests.deployment import eventually, kill
from tests.engine.test_host_broken_release import WORDS
from tests.engine.test_host_faults import MOMENTS
from tests.faults import FAULTS, Fault, broken
from tests.hosting import HostDeployment, servers_in_turn
from tests.live.database import Database
from tests.live.hosts import TestHost

pytestmark = pytest.mark.long

SWITCHES = 20


@pytest.fixture(scope="module")
def site(linux: Callable[..., TestHost], deploy_to_hosts: Callable[..., HostDeployment], database: Database) -> HostDeployment:
    hosts = [linux(f"fleet{number}") for number in range(4)]
    site = deploy_to_hosts("fleet", hosts, database=database.url("fleet"))
    site.must_up(health={"timeout": 20}, workers=1)
    return site


@contextlib.contextmanager
def people(site: HostDeployment, *, but: TestHost | None = None) -> Iterator[list[Load]]:
    """Load on every host at once, but for one; afterwards no request may have failed anywhere."""
    hosts = [host for host in site.hosts if host is not but]
    with contextlib.ExitStack() as stack:
        loads = [
            stack.enter_context(Load(base_url=site.url_of(host), host=site.domain, rate=12, post_rate=3, idle=2, clients=3))
            for host in hosts
        ]
        yield loads
    for load, host in zip(loads, hosts, strict=True):
        assert load.report.failed == 0, f"{load.report.failures}: {load.report.summary()}\n{not_well(host)}"
        assert load.report.closed_idle == 0, load.report.summary()


def not_well(host: TestHost) -> str:
    """What Nginx has noted of requests that it could not answer well."""
    return host.sh(
        """grep -v '"status":[23]' /var/log/nginx/fleet.access.log | tail; tail /var/log/nginx/error.log""", check=False
    )


def serving(site: HostDeployment) -> list[str]:
    """The instance that each host serves."""
    return [site.health_of(host)["instance"] for host in site.hosts]


def test_every_host_serves_the_same_instance_and_only_one_has_migrated(site: HostDeployment) -> None:
    told = site.outputs()
    assert serving(site) == [told["instance"]] * 4
    assert set(told["hosts"]) == {host.address for host in site.hosts}
    ran = [host.run("journalctl", "-q", "-o", "cat", "-u", "fleet-task-migrate.service") != "" for host in site.hosts]
    assert ran == [True, False, False, False]
    assert all("staticfiles" in host.sh("ls /srv/fleet/facts; echo staticfiles") for host in site.hosts)


def test_nothing_to_do_is_no_login_on_any_host(site: HostDeployment) -> None:
    before = site.logins()
    assert "nothing to do" in site.must_up().out
    assert site.logins() == before


def test_a_switch_under_load_loses_no_request_on_any_host_with_few_logins(site: HostDeployment) -> None:
    before, logins = serving(site), site.logins()
    with people(site):
        site.must_up(interface="asgi")
    assert len(set(serving(site))) == 1
    assert serving(site) != before
    assert all(now - then <= 6 for now, then in zip(site.logins(), logins, strict=True))
    assert all(len(site.units(host)) == 1 for host in site.hosts)


def test_twenty_switches_over_all_servers_lose_no_request_on_any_host(site: HostDeployment) -> None:
    with people(site):
        for number, (interface, server) in zip(range(SWITCHES), servers_in_turn(), strict=False):
            before = serving(site)
            site.must_up(interface=interface, server=server)
            after = serving(site)
            assert len(set(after)) == 1, f"switch {number}: {after}"
            assert after != before, f"switch {number} to {server}"
    assert all(len(site.units(host)) == 1 for host in site.hosts)
    del site.config["server"]
    site.must_up(interface="wsgi")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_broken_release_takes_traffic_on_no_host_and_the_message_says_why(site: HostDeployment, fault: Fault) -> None:
    fault = dataclasses.replace(fault, words=WORDS.get(fault.name, fault.words))
    before = serving(site)
    with broken(site, fault), people(site):
        result = site.ops("up")
    assert result.status == 1, result.text
    for word in fault.words:
        assert word.format(domain=site.domain) in result.err.partition("\n")[0], result.err
    assert serving(site) == before
    assert [site.units(host) for host in site.hosts] == [[instance] for instance in before]


@pytest.mark.parametrize("moment", MOMENTS, ids=[name.replace(" ", "-") for name in MOMENTS])
def test_an_update_of_four_hosts_that_is_killed_harms_nobody_and_the_next_one_finishes(site: HostDeployment, moment: str) -> None:
    before = serving(site)
    (site.source / "store/static/store/killed.txt").write_text(moment)
    with people(site):
        update = site.start()
        eventually(lambda: MOMENTS[moment](site, before[0]), 90, moment)
        kill(update)
        result = site.must_up()
    assert "was killed" in result.out
    after = serving(site)
    assert len(set(after)) == 1
    assert after != before
    assert [site.units(host) for host in site.hosts] == [[instance] for instance in after]


def test_when_the_third_host_cannot_be_switched_the_first_two_go_back_by_themselves(site: HostDeployment) -> None:
    before, third, now = serving(site), site.hosts[2], site.config["interface"]
    other = "wsgi" if now == "asgi" else "asgi"
    # Only the way through Nginx fails there: the new instance is healthy, and Nginx may not open its socket.
    theirs = "/etc/systemd/system/fleet-.socket.d"
    third.sh(f"mkdir {theirs}; printf '[Socket]\\nSocketMode=0600\\n' > {theirs}/theirs.conf")
    try:
        # There every request fails until the probe through Nginx has, some milliseconds later.
        with people(site, but=third):
            result = site.up(interface=other)
        assert result.status == 1, result.text
        line = result.err.splitlines()[0]
        assert f"{third.address}: the site did not answer through the proxy after the switch" in line
        assert f"{site.hosts[0].address}, {site.hosts[1].address} went back by themselves" in line
    finally:
        third.sh(f"rm -r {theirs}; systemctl daemon-reload")
    assert serving(site) == before
    site.must_up(interface=now)
    assert serving(site) == before
    assert all(len(site.units(host)) == 1 for host in site.hosts)


def test_a_host_that_goes_away_between_start_and_switch_keeps_all_from_being_switched(site: HostDeployment) -> None:
    before, first, last, now = serving(site), site.hosts[0], site.hosts[3], site.config["interface"]
    # The first host takes its time, so that the last one can go away when it is ready itself.
    first.sh("mv /usr/sbin/nginx /usr/sbin/nginx.real")
    slow = b'#!/bin/sh\n[ "$1" = -t ] && while [ ! -e /root/go ]; do sleep 0.1; done\nexec /usr/sbin/nginx.real "$@"\n'
    first.put("/usr/sbin/nginx", slow, 0o755)
    try:
        update = subprocess_of(site, interface="wsgi" if now == "asgi" else "asgi")
        eventually(lambda: len(site.units(last)) == 2 and _proved(site, last, before[3]), 90, "the last host is ready")
        last.container.pause()
        first.sh("touch /root/go")
        out, _ = update.communicate(timeout=120)
    finally:
        first.sh("mv /usr/sbin/nginx.real /usr/sbin/nginx; rm -f /root/go")
        last.container.unpause()
    assert update.returncode == 1, out
    assert f"{last.address} " in out
    assert "traffic was moved on no host" in out
    assert serving(site) == before
    site.must_up(interface=now)
    assert serving(site) == before


def subprocess_of(site: HostDeployment, **config: object) -> "subprocess.Popen[str]":
    site.config.update(config)
    return site.start()


def _proved(site: HostDeployment, host: TestHost, old: str) -> bool:
    new = next(iter(set(site.units(host)) - {old}), "")
    active = bool(new) and host.run("systemctl", "is-active", f"fleet-{new}.service", check=False).strip() == "active"
    return active and "host/agent start" not in host.run("ps", "-eo", "args")


def test_a_host_can_be_taken_out_and_its_requests_in_flight_end_well(site: HostDeployment) -> None:
    gone, rest = site.hosts[3], site.config["hosts"]
    with Load(base_url=site.url_of(gone), host=site.domain, rate=0, slow=2, slow_path="/slow/?seconds=2") as load:
        eventually(lambda: load.report.ok > 0, 20, "slow requests are under way")
        site.must_up(hosts=rest[:3])
    assert not site.answers(gone)
    assert site.units(gone) == []
    assert all(site.answers(host) for host in site.hosts[:3])
    site.must_up(hosts=rest)
    assert serving(site) == [site.outputs()["instance"]] * 4


def test_a_host_that_was_rebuilt_from_nothing_gets_everything_again(site: HostDeployment, linux: Callable[..., TestHost]) -> None:
    old = site.hosts[1]
    address = old.address
    old.remove()
    site.hosts[1] = linux("fleet1", address=address)
    refused = site.up()
    assert refused.status == 1, refused.text
    assert "does not have the host key that the config gives" in refused.err.splitlines()[0]
    site.must_up(hosts=[host.config for host in site.hosts])
    assert serving(site) == [site.outputs()["instance"]] * 4
    assert json.loads(site.hosts[1].run("cat", "/etc/fleet/serving.json"))["live"] == site.outputs()["instance"]
