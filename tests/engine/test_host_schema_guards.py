"""A standby on a real host beside a real database: going back by a rename asks first whether its code knows the schema."""

from collections.abc import Callable

import pytest

from tests.deployment import eventually
from tests.hosting import HostDeployment
from tests.live.hosts import TestHost

pytestmark = pytest.mark.long

APP = "guardedhost"
MIGRATION = """from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0002_products")]
    operations = [migrations.AddField("product", "weight", models.IntegerField(null=True))]
"""
COLUMNS = (
    f"import sqlite3; print(sqlite3.connect('/srv/{APP}/data/db.sqlite3').execute('pragma table_info(store_product)').fetchall())"
)


@pytest.fixture(scope="module")
def host(linux: Callable[..., TestHost]) -> TestHost:
    return linux("guarded")


@pytest.fixture(scope="module")
def site(deploy_to_hosts: Callable[..., HostDeployment], host: TestHost) -> HostDeployment:
    """Its standby was left before the migration that the live release has brought."""
    site = deploy_to_hosts(APP, [host])
    site.must_up(workers=1, standby=True, drainSeconds=2, health={"timeout": 60})
    (site.source / "store/migrations/0003_weight.py").write_text(MIGRATION)
    site.must_up()
    return site


@pytest.fixture(scope="module")
def left(site: HostDeployment) -> str:
    """The standby."""
    (standby,) = set(site.units()) - {site.health()["instance"]}
    return standby


def live(host: TestHost) -> str:
    """The link as it is, and which one it is: a rename to and fro would leave another."""
    return host.run("stat", "-c", "%N %i", f"/run/{APP}/live.sock")


def active(host: TestHost, instance: str) -> bool:
    return host.run("systemctl", "is-active", f"{APP}-{instance}.service", check=False).strip() == "active"


def test_a_standby_that_does_not_know_the_schema_gets_no_traffic_and_the_migration_is_named(
    site: HostDeployment, host: TestHost, left: str
) -> None:
    before, config, link = site.health(), site.file_config(), live(host)
    assert "weight" in host.run("python3", "-c", COLUMNS)
    refused = site.rollback()
    assert refused.status == 1, refused.text
    first = refused.err.splitlines()[0]
    assert "does not know migrations that have been applied to the database since it served: store.0003_weight" in first
    assert "pulumi config set gateway:allowNewerSchema true" in first
    assert "Nothing was changed." in refused.err, "it was asked before the engine had begun"
    assert "traffic is back on the standby" not in refused.text
    assert (site.health(), site.file_config(), live(host)) == (before, config, link)
    assert active(host, left), "it stays the standby"
    assert "nothing to do" in site.must_up().out


def test_a_database_that_cannot_be_asked_is_not_taken_for_one_that_fits(site: HostDeployment, host: TestHost) -> None:
    """Before, traffic had moved to the old code when the update found out that it could not ask either."""
    before, config, link = site.health(), site.file_config(), live(host)
    database = f"/srv/{APP}/data/db.sqlite3"
    host.sh(f"mv {database} {database}.away && mkdir {database}")
    try:
        refused = site.rollback()
    finally:
        host.sh(f"rmdir {database} && mv {database}.away {database}")
    assert refused.status == 1, refused.text
    first = refused.err.splitlines()[0]
    assert "does not know migrations of release" in first
    assert "which serves: store.0003_weight; " in first
    assert "the database does not say (django.db.utils.OperationalError: unable to open database file)" in first
    assert "Nothing was changed." in refused.err
    eventually(lambda: site.answers(host), 20)
    assert (site.health(), site.file_config(), live(host)) == (before, config, link)


def test_who_says_that_the_code_can_live_with_it_goes_back_by_the_rename_and_forward_again(
    site: HostDeployment, host: TestHost, left: str
) -> None:
    before = site.health()
    assert site.pulumi("config", "set", "gateway:allowNewerSchema", "true").status == 0
    done = site.rollback()
    assert done.status == 0, done.text
    assert f"traffic is back on the standby {left} after " in done.out
    assert site.health()["instance"] == left
    assert "weight" in host.run("python3", "-c", COLUMNS), "a rollback never touches the database"
    assert site.pulumi("config", "rm", "gateway:allowNewerSchema").status == 0
    forward = site.rollback(2)
    assert forward.status == 0, forward.text
    assert f"traffic is back on the standby {before['instance']} after " in forward.out
    assert site.health() == before
