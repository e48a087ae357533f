"""A real schema on a real PostgreSQL: what must not go together does not, and what cannot be gone back to is said before."""

import json
from collections.abc import Callable

import pytest

from targets.docker.agent.engine import run_in
from tests.deployment import Deployment, eventually

pytestmark = pytest.mark.long

MIGRATION = """from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "{after}")]
    operations = [{operation}]
"""
ADD = 'migrations.AddField("product", "weight", models.IntegerField(null=True))'
REMOVE = 'migrations.RemoveField("product", "weight")'


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    site = deploy("guarded")
    site.must_up(drainSeconds=5)
    return site


def _migration(site: Deployment, name: str, operation: str, *, after: str) -> None:
    (site.source / f"store/migrations/{name}.py").write_text(MIGRATION.format(after=after, operation=operation))


def _sql(site: Deployment, text: str) -> str:
    _, printed = run_in(site.docker.containers.get(f"{site.app}-postgres"), "psql", "-U", site.app, "-Atc", text)
    return printed


def _columns(site: Deployment) -> str:
    return _sql(site, "select column_name from information_schema.columns where table_name = 'store_product'")


def test_a_switch_that_brings_a_migration_is_refused_with_the_two_steps_and_nothing_is_migrated(site: Deployment) -> None:
    before = site.health()
    _migration(site, "0003_weight", ADD, after="0002_products")
    result = site.up(interface="asgi")
    assert result.status == 1, result.text
    first = result.err.splitlines()[0]
    assert "brings migrations (store.0003_weight) together with a switch wsgi -> asgi" in first
    assert "pulumi config set gateway:interface wsgi && make up, then pulumi config set gateway:interface asgi" in first
    assert "pulumi config set gateway:allowMigrationsOnSwitch true" in first
    assert "weight" not in _columns(site)
    assert site.health() == before


def test_allowed_it_does_both_at_once(site: Deployment) -> None:
    site.must_up(allowMigrationsOnSwitch=True)
    assert site.health()["interface"] == "asgi"
    assert "weight" in _columns(site)
    site.config.pop("allowMigrationsOnSwitch")


def test_code_that_does_not_know_the_schema_is_not_gone_back_to_unless_somebody_says_so(site: Deployment) -> None:
    before, config = site.health(), site.file_config()
    refused = site.rollback(1)
    assert refused.status == 1, refused.text
    first = refused.err.splitlines()[0]
    assert "does not know migrations that have been applied to the database since it served: store.0003_weight" in first
    assert "pulumi config set gateway:allowNewerSchema true" in first
    assert (site.health(), site.file_config()) == (before, config)

    assert site.pulumi("config", "set", "gateway:allowNewerSchema", "true").status == 0
    done = site.rollback(1)
    assert done.status == 0, done.text
    assert site.health()["interface"] == "wsgi"
    assert "weight" in _columns(site), "a rollback never touches the database"
    site.must_rollback(3)
    assert site.health() == before


def test_what_a_migration_takes_from_the_serving_release_is_named_in_its_preview_and_in_its_update(site: Deployment) -> None:
    _migration(site, "0004_no_weight", REMOVE, after="0003_weight")
    words = "destructive migration: store.0004_no_weight removes field weight of product"
    site.write_config()
    preview = site.pulumi("preview")
    assert preview.status == 0, preview.text
    assert words in preview.text
    assert words in " ".join(site.must_up().out.split())
    assert "weight" not in _columns(site)
    assert "destructive" not in site.pulumi("preview").text


def test_going_back_over_a_removed_column_is_refused_too(site: Deployment) -> None:
    refused = site.rollback()
    assert refused.status == 1, refused.text
    assert "store.0004_no_weight" in refused.err.splitlines()[0]
    assert not json.loads(site.state())["deployment"].get("pending_operations")


def test_a_standby_is_asked_before_its_rename_and_a_database_that_is_away_is_no_yes(site: Deployment) -> None:
    site.must_up(standby=True)
    left = site.health()
    _migration(site, "0005_color", ADD.replace("weight", "color"), after="0004_no_weight")
    site.must_up()
    before, config = site.health(), site.file_config()
    refused = site.rollback()
    postgres = site.docker.containers.get(f"{site.app}-postgres")
    postgres.stop()
    away = site.rollback()
    postgres.start()
    eventually(lambda: "color" in _columns(site), 30)
    for result, words in ((refused, "to the database since it served: "), (away, "which serves: ")):
        assert result.status == 1, result.text
        first = result.err.splitlines()[0]
        assert f"{words}store.0005_color; " in first
        assert "pulumi config set gateway:allowNewerSchema true" in first
        assert "Nothing was changed." in result.err
    assert "the database does not say (django.db.utils.OperationalError: " in away.err.splitlines()[0]
    assert (site.health(), site.file_config()) == (before, config)

    assert site.pulumi("config", "set", "gateway:allowNewerSchema", "true").status == 0
    done = site.rollback()
    assert done.status == 0, done.text
    assert f"traffic is back on the standby {left['instance']} after " in done.out
    assert site.health() == left
