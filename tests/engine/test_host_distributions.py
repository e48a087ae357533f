"""A bare server of each distribution that is supported becomes a site, and is switched while people are shopping."""

from collections.abc import Callable

import pytest

from bench.load import Load
from tests.hosting import HostDeployment
from tests.live.hosts import BARE_SYSTEMS, TestHost

pytestmark = pytest.mark.long


@pytest.mark.parametrize("system", list(BARE_SYSTEMS))
def test_a_bare_server_gets_all_it_needs_and_a_switch_loses_no_request(
    linux: Callable[..., TestHost], deploy_to_hosts: Callable[..., HostDeployment], system: str
) -> None:
    name = system.replace(" ", "").replace(".", "")
    host = linux(name, system=BARE_SYSTEMS[system])
    assert host.sh("command -v python3 nginx || echo none").strip() == "none"
    site = deploy_to_hosts(name, [host])
    site.must_up()
    assert site.health()["interface"] == "wsgi"
    with Load(base_url=site.url, host=site.domain, rate=30, post_rate=5, slow=1, idle=4, clients=4) as load:
        site.must_up(interface="asgi")
    assert load.report.failed == 0, load.report.summary()
    assert load.report.closed_idle == 0
    assert site.health()["interface"] == "asgi"
    assert "nothing to do" in site.must_up().out
    host.container.restart(timeout=10)
    host.await_boot()
    assert site.health()["interface"] == "asgi", "it comes back by itself"
