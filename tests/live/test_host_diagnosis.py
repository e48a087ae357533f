"""A site on a Linux host is broken in each way, for real: an update or ``make diagnose`` says which way it is."""

import re
import time
from collections.abc import Callable
from typing import Any

import docker
import pytest

from tests.deployment import eventually
from tests.live import faulty
from tests.live.broken_host import APP, DOMAIN, BrokenHost
from tests.live.database import USER, Database
from tests.live.hosts import TestHost
from tests.live.inprocess import InProcessSite

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(
    linux: Callable[..., TestHost], engine: docker.DockerClient, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> BrokenHost:
    folder = tmp_path_factory.mktemp(APP)
    return BrokenHost(InProcessSite(APP, 80, engine, folder), faulty.project(folder), linux("diagnosed"), database)


def test_a_site_that_is_well_has_no_finding(site: BrokenHost) -> None:
    assert site.findings() == {}


STARTS: dict[str, tuple[str, str]] = {
    "import": ("the code imports what is not there", "No module named 'nonexistent'"),
    "settings": ("No module named 'shop.nosuch'", "way out: correct app.settings"),
    "variable": ("a variable that the settings need is not set", "KeyError: 'PAYMENT_URL'"),
    "refused": ("the database does not take connections", "port 9 failed: Connection refused"),
    "password": ("refuses the user or password", 'password authentication failed for user "pw"'),
    "permission": ("the app's user may not do that", "/etc/gateway-may-not"),
    "hosts": ("nothing was switched", f"ALLOWED_HOSTS refuses {DOMAIN}"),
    "option": ("the server does not know an option", "--no-such-flag"),
    "memory": ("for lack of memory", "lower workers, raise memory.max"),
    "migration": ("migration store.9999_broken failed", 'relation "no_such_table" does not exist'),
}


def changes(site: BrokenHost, fault: str) -> dict[str, Any]:
    """The config of that fault."""
    url = site.config["env"]["DATABASE_URL"]
    if fault == "settings":
        return {"app": {**site.config["app"], "settings": "shop.nosuch"}}
    if fault == "option":
        return {"serverOptions": {"no-such-flag": "1"}}
    if fault == "refused":
        return {"env": {"DATABASE_URL": "postgres://u:p@127.0.0.1:9/x"}}
    if fault == "password":
        site.database.sql("CREATE ROLE pw LOGIN PASSWORD 'right'")
        script = f"sed -i '1i host all pw all scram-sha-256' /tmp/hba && psql -h localhost -U {USER} -c 'select pg_reload_conf()'"
        assert site.database.container.exec_run(["sh", "-c", script], user="0").exit_code == 0
        return {"env": {"DATABASE_URL": f"postgres://pw:wrong@{url.rpartition('@')[2]}"}}
    if fault == "memory":
        return {"env": {"DATABASE_URL": url, "FAULT": "memory"}, "memory": {"max": "150M"}}
    return {"env": {"DATABASE_URL": url, "FAULT": fault}}


@pytest.mark.parametrize("fault", STARTS)
def test_a_failed_update_says_the_cause_first(site: BrokenHost, fault: str) -> None:
    broken = site.source / "store/migrations/9999_broken.py"
    if fault == "migration":
        broken.write_text(faulty.BROKEN_MIGRATION)
    try:
        first = site.failure(**changes(site, fault))
    finally:
        broken.unlink(missing_ok=True)
    for words in STARTS[fault]:
        assert words in first
    assert site.get("/health/") == 200


def test_a_dead_instance_is_the_cause_of_a_502(site: BrokenHost) -> None:
    site.host.run("systemctl", "stop", f"{site.unit}.socket", f"{site.unit}.service")
    assert site.get("/") == 502
    found = site.findings()["502: instance dead"]
    assert f"the live instance {site.serving['instance']} is dead" in found.sentence
    site.host.run("systemctl", "start", f"{site.unit}.socket", f"{site.unit}.service")
    site.await_well()


def test_a_socket_that_is_gone_is_brought_back_by_what_the_finding_says(site: BrokenHost) -> None:
    site.host.run("rm", site.socket)
    time.sleep(5)  # connections that Nginx still holds go on for as long
    assert site.get("/") == 502
    found = site.findings()["502: socket gone"]
    assert "No such file or directory" in found.evidence
    site.host.sh(found.fix.partition("restart it: ")[2])
    site.await_well()


def test_a_socket_that_nginx_may_not_open_is_told(site: BrokenHost) -> None:
    site.host.run("chmod", "600", site.socket)
    time.sleep(5)
    assert site.get("/") == 502
    assert "Permission denied" in site.findings()["502: Nginx may not"].evidence
    site.host.run("chmod", "660", site.socket)
    site.await_well()


def test_a_port_that_somebody_took_while_nginx_was_down_is_told_by_both(site: BrokenHost) -> None:
    site.host.run("systemctl", "stop", "nginx")
    with site.taken(80):
        site.host.run("systemctl", "start", "nginx", check=False)
        found = site.findings()["port taken"]
        again = site.failure(domains=[DOMAIN, "more.example"])
    assert "Nginx does not run" in found.sentence
    assert "Address already in use" in found.evidence
    assert "somebody else has the port of Nginx (bind() to 0.0.0.0:80 failed (98: Address already in use)" in again
    assert "way out: find out who: ss -ltnp; stop that" in again
    site.host.run("systemctl", "start", "nginx")
    site.await_well()


def test_a_new_port_that_somebody_has_is_told_by_the_update_and_the_old_one_goes_on(site: BrokenHost) -> None:
    with site.taken(8099):
        first = site.failure(httpPort=8099)
    assert "somebody else has the port of Nginx (bind() to 0.0.0.0:8099 failed (98: Address already in use)" in first
    assert "stop that, or choose another httpPort" in first
    assert site.get("/health/") == 200


def test_an_instances_own_port_that_somebody_has_is_told_with_who_it_is(site: BrokenHost) -> None:
    plain = {**site.config, "serving": "tcp"}
    taken = site.port_of(site.site.up({**plain, "env": {**site.config["env"], "LEVEL": "taken"}}))
    site.serving = site.site.up(plain)
    own, unit = site.port_of(site.serving), site.unit
    with site.taken(taken):
        first = site.failure(serving="tcp", env={**site.config["env"], "LEVEL": "taken"})
    assert "never took traffic: somebody else has the port or socket" in first
    assert "Address already in use" in first
    assert re.search(rf"python3 \(pid \d+\) listens on port {taken}\b", first)
    assert "way out: find out who: ss -ltnp; stop that" in first
    assert site.get("/health/") == 200

    site.host.run("systemctl", "stop", f"{unit}.socket", f"{unit}.service")
    with site.taken(own):
        site.host.run("systemctl", "start", f"{unit}.socket", check=False)
        found = site.findings()
    assert f"Failed to create listening socket (127.0.0.1:{own}): Address already in use" in found["port taken"].evidence
    assert "502: instance dead" in found
    site.host.run("systemctl", "start", f"{unit}.socket", f"{unit}.service")
    site.await_well()
    site.serving = site.site.up(site.config)


def test_faults_of_views_are_told_from_the_journal(site: BrokenHost) -> None:
    assert [site.get(path) for path in ("/fault/static/", "/fault/disk/")] == [500, 500]
    assert site.get("/fault/host/") == 400
    found = site.findings()
    assert "store/not-there.css" in found["static manifest"].evidence
    assert "No space left on device" in found["disk full"].evidence
    assert "second.example" in found["DisallowedHost"].evidence


def test_a_worker_that_is_killed_for_memory_is_told(site: BrokenHost) -> None:
    assert site.get("/fault/memory/") == 502
    eventually(lambda: "out of memory" in site.findings(), 10)
    site.await_well()


def test_a_database_that_went_away_is_told(site: BrokenHost) -> None:
    site.database.sql(f'ALTER DATABASE "{APP}" WITH ALLOW_CONNECTIONS false')
    try:
        site.database.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{APP}'")
        assert site.get("/health/") == 503
        assert "connection to server" in site.findings()["database refused"].evidence
    finally:
        site.database.sql(f'ALTER DATABASE "{APP}" WITH ALLOW_CONNECTIONS true')


def test_a_page_that_takes_too_long_and_limits_that_disagree_are_told(site: BrokenHost) -> None:
    site.await_well()
    slow = {**site.config, "timeouts": {"request": 1}, "threads": 1, "serverOptions": {"worker-class": "sync"}}
    site.serving = site.site.up(slow)
    time.sleep(5)
    assert site.get("/fault/20/") == 504
    eventually(lambda: "worker timeout" in site.findings(), 20)
    site.host.run("sed", "-i", "s/proxy_read_timeout 1s/proxy_read_timeout 600s/", f"/etc/nginx/sites-available/{APP}.conf")
    found = site.findings()
    assert "WORKER TIMEOUT" in found["worker timeout"].evidence
    assert "upstream timed out" in found["504: too slow"].evidence
    assert "gunicorn kills a sync worker after 6 s, and Nginx waits 600 s" in found["timeouts disagree"].sentence
