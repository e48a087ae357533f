"""How long a rollback lasts: until its source, or what Nginx's configuration is made of, is another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rendering.nginx import ProxySpec, configuration, rendered_from
from settings.model import Settings
from settings.plan import Plan, plan
from settings.rollback import STAYS, noted
from settings.source import open_source
from targets.observation import KeptRelease
from tests.unit.conftest import settings_of

KEPT = "0123456789"
Project = Callable[..., Path]


def planned(source: Path, back: dict[str, Any], release: str | None = KEPT, kept: str = "shop.settings") -> Plan:
    changes: dict[str, Any] = {
        "app": {"name": "shop", "source": str(source)},
        "release": release,
        "rollback": {"update": 7, **back},
    }
    return plan(settings_of(**changes), {KEPT: KeptRelease(kept)})


def test_the_kept_release_is_served_as_long_as_the_source_is_the_one_that_was_left(project: Project) -> None:
    source = project()
    back = {"release": KEPT, "instead": [noted(open_source(str(source), None))]}
    found = planned(source, back)
    assert (found.release.release, found.rolled_back, found.ended) == (KEPT, True, ())
    assert "rolled back to update 7" in found.notes[0]
    assert "pulumi config rm gateway:release" in found.notes[0]


def test_another_source_is_deployed_and_the_notes_of_the_rollback_go(project: Project) -> None:
    source = project()
    back = {"release": KEPT, "instead": [noted(open_source(str(source), None))]}
    (source / "shop/mended.py").write_text("")
    found = planned(source, back)
    assert found.release.release != KEPT
    assert (found.rolled_back, found.ended) == (False, ("release", "rollback"))
    assert "has changed since the rollback to update 7" in found.notes[0]


def test_without_the_source_the_kept_release_is_served_with_the_settings_that_it_brings(tmp_path: Path) -> None:
    found = planned(tmp_path / "gone", {"release": KEPT, "instead": ["a" * 10]}, kept="other.settings")
    assert (found.release.release, found.project.settings_module) == (KEPT, "other.settings")


def test_a_kept_release_is_started_with_its_own_settings_and_not_with_those_of_todays_source(project: Project) -> None:
    assert planned(project(), {}, kept="old.settings").project.settings_module == "old.settings"


def test_a_release_that_a_person_has_set_stays_whatever_the_source_does(project: Project) -> None:
    found = planned(project(), {"release": "aaaaaaaaaa", "instead": ["b" * 10]})
    assert (found.release.release, found.rolled_back, found.notes) == (KEPT, False, ())


def test_nobody_knows_what_was_left_so_the_rollback_stays(project: Project) -> None:
    assert planned(project(), {"release": KEPT, "instead": []}).release.release == KEPT


def test_notes_of_a_rollback_whose_release_a_person_took_away_mean_nothing(project: Project) -> None:
    found = planned(project(), {"release": KEPT, "instead": ["b" * 10]}, release=None)
    assert (found.rolled_back, found.ended) == (False, ("rollback",))


def test_a_kept_nginx_configuration_stays_until_template_or_settings_change() -> None:
    now = rendered_from(settings_of())
    back = {"update": 7, "proxy": "cccccccccc"}
    module = {"name": "shop", "source": "examples/shop"}
    same = plan(settings_of(app=module, rollback={**back, "proxyInstead": now}))
    assert (same.kept_proxy, same.ended) == ("cccccccccc", ())
    other = plan(settings_of(app=module, rollback={**back, "proxyInstead": now}, bodyLimitMb="5"))
    assert (other.kept_proxy, other.ended) == ("", ("rollback",))


CHANGED: dict[str, Any] = {
    "domains": ["a.example", "localhost"],
    "bodyLimitMb": "7",
    "httpPort": "81",
    "env": {"A": "1"},
    "interface": "asgi",
    "drainSeconds": "9",
}


def _text(settings: Settings) -> str:
    spec = ProxySpec(
        domains=settings.domains, live_socket="l", static_root="s", media_root="m", body_limit_mb=settings.body_limit_mb
    )
    return configuration(spec)


@pytest.mark.parametrize("key", CHANGED)
def test_whatever_changes_the_configuration_changes_what_it_is_rendered_from(key: str) -> None:
    before, after = settings_of(), settings_of(**{key: CHANGED[key]})
    if _text(before) != _text(after):
        assert rendered_from(before) != rendered_from(after)
    if key in ("env", "interface", "drainSeconds"):
        assert rendered_from(before) == rendered_from(after)


def test_closing_the_site_is_no_part_of_what_a_rollback_brings_back() -> None:
    closed = settings_of(maintenance="true", maintenanceAllow=["192.0.2.7"])
    assert rendered_from(closed) == rendered_from(settings_of())
    assert {"maintenance", "maintenanceAllow"} <= set(STAYS)
