"""What has served, as the switch writes it down: bounded, without doubles, and where a rollback would go."""

import json

import pytest

from targets import served
from targets.served import Served
from targets.serving import Serving


def _entry(word: str) -> Served:
    """``b`` is instance b; ``<b`` is b again, by a rollback."""
    name = word.lstrip("<")
    return Served(interface="wsgi", server="gunicorn", release=name, instance=name, at="2026-11-21", back=word.startswith("<"))


def _line(story: str) -> tuple[Served, ...]:
    found: tuple[Served, ...] = ()
    for word in story.split():
        found = served.add(found, _entry(word))
    return found


@pytest.mark.parametrize(
    ("story", "point"),
    [
        ("", None),
        ("a", None),
        ("a b", "a"),
        ("a b a", "b"),
        ("a b <a", None),
        ("a b c <b", "a"),
        ("a b c <b <a", None),
        ("a b c <b d", "b"),
        ("a b c <b d <b", "a"),
    ],
)
def test_the_rollback_point_is_what_served_before_and_does_not_bounce(story: str, point: str | None) -> None:
    found = served.rollback_point(_line(story))
    assert (found.instance if found else None) == point


def test_the_same_again_is_no_new_entry_but_another_proxy_is() -> None:
    once = _line("a")
    assert served.add(once, _entry("a")) == once
    assert len(served.add(once, _entry("a").model_copy(update={"proxy": "p"}))) == 2


def test_it_does_not_grow_for_ever() -> None:
    found = _line(" ".join(f"i{number}" for number in range(served.KEPT + 5)))
    assert len(found) == served.KEPT
    assert found[0].instance == f"i{served.KEPT + 4}"


@pytest.mark.parametrize("printed", ["", "{}", "no json", '{"served": null}', '{"interface": "wsgi"}'])
def test_what_an_older_switch_has_printed_has_no_entries(printed: str) -> None:
    assert served.before(printed) == ()


def test_an_entry_tells_when_and_by_whom_and_survives_the_state() -> None:
    serving = Serving(interface="asgi", server="uvicorn", release="r", instance="i")
    made = served.entry(serving, source="s", proxy="p", back=True)
    assert "@" in made.by
    assert (made.instance, made.source, made.proxy, made.back) == ("i", "s", "p", True)
    assert served.before(json.dumps({"served": [made.model_dump()]})) == (made,)
