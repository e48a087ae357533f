"""A site that was well is broken in each way, for real, on Docker: an update or ``make diagnose`` says which way it is.

What the servers said here is kept in ``tests/unit/provoked/``, where every rule is tried on it in a moment.
"""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from docker.errors import APIError
from docker.models.containers import Container

from ops import diagnose
from targets.common.diagnosis import Finding
from targets.docker.agent.proxy import CONF
from tests.deployment import eventually
from tests.live import faulty
from tests.live.conftest import shop_config
from tests.live.inprocess import InProcessSite, StepFailed

long = pytest.mark.long


class Broken:
    """The site, and what it says of itself."""

    def __init__(self, site: InProcessSite, source: Path) -> None:
        self.site, self.source = site, source
        self.config = shop_config(
            site,
            app={"name": site.app, "source": str(source)},
            drainSeconds=0,
            health={"timeout": 8},
        )
        self.serving = site.up(self.config)

    @property
    def instance(self) -> Container:
        return self.site.engine.containers.get(f"{self.site.app}-{self.serving['instance']}")

    @property
    def nginx(self) -> Container:
        return self.site.engine.containers.get(f"{self.site.app}-nginx")

    @property
    def postgres(self) -> Container:
        return self.site.engine.containers.get(f"{self.site.app}-postgres")

    @property
    def socket(self) -> str:
        return f"/run/gateway/{self.serving['instance']}.sock"

    def failure(self, **changes: Any) -> str:
        """First line of an update with these changes, which has to fail."""
        with pytest.raises(StepFailed) as caught:
            self.site.up({**self.config, **changes})
        return str(caught.value).partition("gateway: ")[2].splitlines()[0]

    def findings(self, minutes: int = 1, **changes: Any) -> dict[str, Finding]:
        """What ``make diagnose`` finds now, by name."""
        told, unreachable = diagnose.look(faulty.settings_of({**self.config, **changes}), "gateway/dev", minutes)
        assert not unreachable
        (one,) = told
        return {found.name: found for found in one.findings}

    def get(self, path: str, host: str = "localhost") -> int:
        return httpx.get(self.site.url + path, headers={"Host": host}, timeout=30).status_code

    def run(self, container: Container, *command: str, user: str = "0") -> str:
        status, output = container.exec_run(list(command), user=user)
        assert status == 0, output
        return bytes(output).decode()  # type: ignore[arg-type]

    def await_well(self) -> None:
        eventually(lambda: self.get("/health/") == 200, 30)


@pytest.fixture(scope="module")
def site(make_site: Callable[[str], InProcessSite], tmp_path_factory: pytest.TempPathFactory) -> Broken:
    return Broken(make_site("diagnosed"), faulty.project(tmp_path_factory.mktemp("diagnosed")))


def test_a_site_that_is_well_has_no_finding(site: Broken) -> None:
    assert site.findings() == {}


def test_a_dead_instance_is_the_cause_of_a_502(site: Broken) -> None:
    site.instance.stop(timeout=3)
    assert site.get("/") == 502
    found = site.findings()["502: instance dead"]
    assert f"the live instance {site.serving['instance']} is dead" in found.sentence
    assert "Connection refused" in found.evidence
    site.instance.start()
    site.await_well()
    assert "502: instance dead" not in site.findings()


def test_a_socket_that_is_gone_is_told_with_what_brings_it_back(site: Broken) -> None:
    site.run(site.instance, "mv", site.socket, f"{site.socket}.aside")
    time.sleep(5)  # connections that Nginx still holds go on for as long
    assert site.get("/") == 502
    found = site.findings()["502: socket gone"]
    assert "No such file or directory" in found.evidence
    assert found.fix == f"restart it: docker restart {site.instance.name}"
    site.instance.restart(timeout=3)
    site.await_well()


def test_a_database_that_is_down_and_faults_of_views_are_told_from_the_log(site: Broken) -> None:
    assert [site.get(path) for path in ("/fault/static/", "/fault/disk/")] == [500, 500]
    assert site.get("/fault/host/") == 400
    site.postgres.stop(timeout=5)
    assert site.get("/health/") == 503
    found = site.findings()
    assert next(iter(found)) == "database refused", "what is so now comes first"
    assert found["database refused"].sentence == "diagnosed-postgres does not run"
    assert "store/not-there.css" in found["static manifest"].evidence
    assert "No space left on device" in found["disk full"].evidence
    assert "second.example" in found["DisallowedHost"].evidence
    site.postgres.start()
    site.await_well()


STARTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "import": ({"env": {"FAULT": "import"}}, "the code imports what is not there", "No module named 'nonexistent'"),
    "settings": ({"settings": "shop.nosuch"}, "No module named 'shop.nosuch'", "way out: correct app.settings"),
    "variable": ({"env": {"FAULT": "variable"}}, "a variable that the settings need is not set", "KeyError: 'PAYMENT_URL'"),
    "refused": (
        {"env": {"DATABASE_URL": "postgres://u:p@127.0.0.1:9/x"}},
        "the database does not take connections",
        "port 9 failed: Connection refused",
    ),
    "unknown": (
        {"env": {"DATABASE_URL": "postgres://u:p@nosuch.invalid/x"}},
        "the database does not take connections",
        "failed to resolve host 'nosuch.invalid'",
    ),
    "password": (
        {"env": {"DATABASE_URL": "postgres://pw:wrong@%2Fvar%2Frun%2Fpostgresql/diagnosed"}},
        "refuses the user or password",
        'password authentication failed for user "pw"',
    ),
    "database": (
        {"env": {"DATABASE_URL": "postgres://diagnosed@%2Fvar%2Frun%2Fpostgresql/nosuch"}},
        "no database of that name",
        'database "nosuch" does not exist',
    ),
    "permission": ({"env": {"FAULT": "permission"}}, "the app's user may not do that", "/etc/gateway-may-not"),
    "hosts": ({"env": {"FAULT": "hosts"}}, "nothing was switched", "ALLOWED_HOSTS refuses localhost"),
    "option": ({"serverOptions": {"no-such-flag": "1"}}, "the server does not know an option", "--no-such-flag"),
    "migration": ({"migration": True}, "migration store.9999_broken failed", 'relation "no_such_table" does not exist'),
    "asgi": ({"interface": "asgi", "env": {"FAULT": "import"}}, "the code imports what is not there", "'nonexistent'"),
}


@long
@pytest.mark.parametrize("fault", STARTS)
def test_a_failed_update_says_the_cause_first(site: Broken, fault: str) -> None:
    changes, sentence, evidence = STARTS[fault]
    broken = site.source / "store/migrations/9999_broken.py"
    if fault == "migration":
        broken.write_text(faulty.BROKEN_MIGRATION)
    if fault == "settings":
        changes = {"app": {**site.config["app"], **changes}}
    if fault == "password":
        site.run(site.postgres, "sh", "-c", WITH_PASSWORD)
    try:
        first = site.failure(**{key: value for key, value in changes.items() if key != "migration"})
    finally:
        broken.unlink(missing_ok=True)
    assert sentence in first
    assert evidence in first
    assert site.get("/health/") == 200


WITH_PASSWORD = (
    "psql -U diagnosed -c \"CREATE ROLE pw LOGIN PASSWORD 'right'\" && f=$(psql -U diagnosed -Atc 'show hba_file') && "
    "sed -i '1i local all pw scram-sha-256' $f && psql -U diagnosed -c 'select pg_reload_conf()'"
)


@long
def test_a_port_that_somebody_took_while_nginx_was_down_is_told(site: Broken) -> None:
    site.nginx.stop(timeout=3)
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", site.site.port))
        holder.listen()
        with pytest.raises(APIError):
            site.nginx.start()
        found = site.findings()["port taken"]
    assert "Nginx does not run" in found.sentence
    assert "address already in use" in found.evidence
    site.nginx.start()
    site.await_well()


@long
def test_a_socket_that_nginx_may_not_open_is_told(site: Broken) -> None:
    site.run(site.instance, "chmod", "600", site.socket, user="")
    time.sleep(5)
    assert site.get("/") == 502
    found = site.findings()["502: Nginx may not"]
    assert "200 there, 502 through Nginx" in found.evidence
    assert "Permission denied" in found.evidence
    site.run(site.instance, "chmod", "666", site.socket, user="")
    site.await_well()


@long
def test_a_schema_that_does_not_fit_the_code_is_told(site: Broken) -> None:
    for old, new in (("store_order", "gone"), ("gone", "store_order")):
        site.run(site.postgres, "psql", "-U", site.site.app, "-c", f"ALTER TABLE {old} RENAME TO {new}")
        assert site.get("/orders/") == (500 if new == "gone" else 200)
    assert 'relation "store_order" does not exist' in site.findings()["schema"].evidence


@long
def test_a_worker_that_is_killed_for_memory_is_told_and_so_is_the_502_that_came_of_it(site: Broken) -> None:
    site.instance.update(mem_limit=300 * 2**20, memswap_limit=300 * 2**20)
    assert site.get("/fault/memory/") == 502
    eventually(lambda: "out of memory" in site.findings(), 10)
    assert "502: worker died" in site.findings()


@long
def test_a_page_that_takes_too_long_and_limits_that_disagree_are_told(site: Broken) -> None:
    slow = {**site.config, "timeouts": {"request": 1}, "threads": 1, "serverOptions": {"worker-class": "sync"}}
    site.serving = site.site.up(slow)
    time.sleep(5)  # Nginx still has connections to the instance before
    assert site.get("/fault/20/") == 504
    eventually(lambda: "worker timeout" in site.findings(), 20)
    found = site.findings()
    assert "WORKER TIMEOUT" in found["worker timeout"].evidence
    assert "upstream timed out" in found["504: too slow"].evidence
    assert "timeouts disagree" not in found
    site.run(site.nginx, "sed", "-i", "s/proxy_read_timeout 1s/proxy_read_timeout 600s/", CONF)
    clash = site.findings()["timeouts disagree"]
    assert "gunicorn kills a sync worker after 6 s, and Nginx waits 600 s" in clash.sentence
