"""The way back, before anything is touched: which update, what is written into the config, what is refused."""

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ops import way
from ops.errors import BadConfig
from ops.updates import Update
from rendering.nginx import rendered_from
from settings import Settings
from settings.rollback import noted
from settings.source import open_source
from targets.observation import KeptRelease
from targets.served import Served
from tests.unit.conftest import settings_of

NOW = datetime(2026, 11, 21, tzinfo=timezone.utc)
OLD, BAD = "aaaaaaaaaa", "bbbbbbbbbb"
Project = Callable[..., Path]


def served(release: str, **more: str) -> Served:
    return Served(interface="wsgi", server="gunicorn", release=release, instance=release, at=NOW.isoformat(), **more)


def update(number: int, serving: Served | None = None, **more: Any) -> Update:
    return Update(**{"number": number, "begun": NOW, "ended": NOW, "serving": serving, "moved": serving is not None, **more})


def settings(source: str = "/gone", **changes: Any) -> Settings:
    return settings_of(**{"app": {"name": "shop", "source": source}, **changes})


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (9, "there is no such update"),
        (2, "it failed and never served"),
        (3, "it is a destroy"),
        (1, "what it served is not on record any more"),
    ],
)
def test_an_update_that_cannot_be_gone_back_to_is_refused_with_those_that_can(number: int, words: str) -> None:
    found = [update(4, served(BAD)), update(3, kind="destroy"), update(2, result="failed"), update(1)]
    with pytest.raises(BadConfig) as caught:
        way.pick(found, [served(BAD)], number)
    assert words in str(caught.value)
    assert "those that served: 4; way out: make history" in str(caught.value)


def test_where_nothing_served_before_there_is_nothing_to_go_back_to() -> None:
    with pytest.raises(BadConfig, match=r"there is nothing to go back to: no other update served before$"):
        way.pick([update(1, served(OLD))], [served(OLD)], None)


def pins(target: Update, now: dict[str, Any], asked: Settings, left: str = "") -> dict[str, Any]:
    return way._pins(target, [served(BAD, source=left)], now, asked, {OLD: KeptRelease("old.settings")})


def test_without_the_source_the_kept_release_is_served_instead_of_what_was_left() -> None:
    asked = settings()
    target = update(1, served(OLD, source="1" * 10, proxy="p", rendered_from=rendered_from(asked)))
    back = {"update": 1, "release": OLD, "instead": ["2" * 10]}
    assert pins(target, {}, asked, left="2" * 10) == {"release": OLD, "rollback": back}


def test_on_hosts_the_settings_module_is_noted_too_so_that_nobody_has_to_log_in_for_it() -> None:
    asked = settings(target="host", hosts=[{"address": "local"}])
    target = update(1, served(OLD, source="1" * 10, proxy="p", rendered_from=rendered_from(asked)))
    assert pins(target, {}, asked)["rollback"] == {"update": 1, "release": OLD, "instead": [], "settings": "old.settings"}


def test_where_the_source_here_gives_that_release_nothing_is_pinned_and_the_update_is_named(project: Project) -> None:
    source = str(project())
    asked = settings(source)
    target = update(1, served(OLD, source=noted(open_source(source, None)), proxy="p", rendered_from=rendered_from(asked)))
    assert pins(target, {}, asked) == {"release": None, "rollback": {"update": 1}}


def test_sources_that_an_earlier_rollback_has_left_stay_left(project: Project) -> None:
    source = str(project())
    asked = settings(source)
    target = update(1, served(OLD, source="1" * 10, rendered_from=rendered_from(asked)))
    now = {"release": BAD, "rollback": {"release": BAD, "instead": ["3" * 10]}}
    found = pins(target, now, asked, left="2" * 10)["rollback"]["instead"]
    assert set(found) == {"2" * 10, "3" * 10, noted(open_source(source, None))}


def test_a_release_that_a_person_had_set_then_is_set_again_and_stays() -> None:
    asked = settings()
    target = update(1, served(OLD, rendered_from=rendered_from(asked)), config={"release": OLD})
    assert pins(target, {}, asked) == {"release": OLD, "rollback": {"update": 1}}


def test_another_template_since_then_brings_the_kept_nginx_configuration_back() -> None:
    asked = settings()
    target = update(1, served(OLD, proxy="cccccccccc", rendered_from="older"))
    found = pins(target, {}, asked)["rollback"]
    assert (found["proxy"], found["proxyInstead"]) == ("cccccccccc", rendered_from(asked))


def test_a_release_that_is_gone_is_refused_with_those_that_are_kept_and_their_updates() -> None:
    target, other = update(1, served(OLD)), update(2, served(BAD))
    with pytest.raises(BadConfig, match=rf"release {OLD} is not kept any more; kept are: {BAD} \(update 2\); way out: "):
        way._check_kept(target, [other, target], {BAD: KeptRelease()}, settings())
    way._check_kept(target, [other, target], {OLD: KeptRelease()}, settings())
    way._check_kept(target, [other, target], {}, settings())
