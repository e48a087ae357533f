"""Which update is gone back to: what Pulumi's history and the state say together, told as short stories."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ops import updates
from ops.updates import Update
from targets.served import Served

START = datetime(2026, 11, 21, 7, 0, tzinfo=timezone.utc)
Story = Sequence[str]


def _rows_and_served(story: Story) -> tuple[list[dict[str, Any]], list[Served]]:
    """One word per update, a minute each: ``a`` deploys a, ``a!`` fails, ``<2 a`` is a rollback to update 2, ``a*`` is killed.

    A killed one moves traffic and leaves no row; ``^2 a`` has a config that a rollback to update 2 has written; ``down`` takes
    the site away; ``=`` changes nothing.
    """
    rows: list[dict[str, Any]] = []
    served: list[Served] = []
    for minute, word in enumerate(story):
        begun = START + timedelta(minutes=minute)
        what = word.split()[-1].rstrip("!*")
        failed, killed = word.endswith("!"), word.endswith("*")
        if word == "down":
            served.clear()
        elif not failed and word != "=" and (not served or served[0].release != what):
            at = (begun + timedelta(seconds=10, milliseconds=700)).isoformat()
            served.insert(0, Served(interface="wsgi", server="gunicorn", release=what, instance=f"i{what}", at=at, proxy="p"))
        message = f"rollback to update {word[1:].split()[0]} (by me@here)" if word.startswith("<") else "a commit"
        if not killed:
            config = {"gateway:env": {"value": f'{{"NOTE": "{what}"}}', "secret": False}} if word not in ("=", "down") else {}
            rows.insert(0, _row(begun, "destroy" if word == "down" else "update", "failed" if failed else "succeeded", message))
            rows[0]["config"] = config or (rows[1]["config"] if len(rows) > 1 else {})
            if word.startswith("^"):
                rows[0]["config"]["gateway:rollback"] = {"value": f'{{"update": {word[1:].split()[0]}}}', "secret": False}
    return rows, served


def _row(begun: datetime, kind: str, result: str, message: str) -> dict[str, Any]:
    ended = begun + timedelta(seconds=10)  # Pulumi cuts the fraction: the switch seems to come after the end
    times = {"startTime": begun.isoformat(), "endTime": ended.isoformat()}
    return {"version": 0, "kind": kind, "result": result, "message": message, **times}


def _point(story: Story) -> int | None:
    rows, served = _rows_and_served(story)
    found = updates.rollback_point(updates.parse(rows, served), served)
    return found.number if found else None


@pytest.mark.parametrize(
    ("story", "point"),
    [
        ([], None),
        (["a"], None),
        (["a!"], None),
        (["a", "b"], 1),
        (["a", "b", "c"], 2),
        (["a", "b", "="], 1),
        (["a", "b", "=", "="], 1),
        (["a", "b", "a"], 2),
        (["a", "b!"], 1),
        (["a", "b", "c!"], 2),
        (["a", "b", "c!", "d!"], 2),
        (["a", "b", "c!", "<2 b"], 1),
        (["a", "b", "<1 a"], None),
        (["a", "b", "c", "<2 b"], 1),
        (["a", "b", "c", "<2 b", "="], 1),
        (["a", "b", "c", "<2 b", "<1 a"], None),
        (["a", "b", "c", "<2 b", "d"], 4),
        (["a", "b", "c", "<2 b", "d", "<4 b"], 1),
        (["a", "b", "c", "<1 a", "<3 c"], 2),
        (["a", "b", "c", "<2 b!"], 2),
        (["a", "b", "c", "<2 b!", "<2 b!", "<2 b"], 1),
        (["a", "b", "c!", "<2 b!"], 2),
        (["a", "b", "<1 a!", "c!"], 2),
        (["a", "b", "c", "<2 b*", "^2 b"], 1),
        (["a", "b", "c", "^2 b"], 1),
        (["a", "b", "c", "<2 b", "^2 b"], 1),
        (["a", "b", "c", "<2 b", "^2 d"], 4),
        (["a", "b*"], 1),
        (["a", "b*", "="], 1),
        (["a", "b", "down", "c"], None),
        (["a", "b", "down", "c", "d"], 4),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_rollback_goes_to_what_served_before_the_present_and_two_in_a_row_go_two_steps(story: Story, point: int | None) -> None:
    assert _point(story) == point


def _update(**changes: Any) -> Update:
    return Update(**{"number": 1, "begun": START, "ended": START, **changes})


def test_updates_are_numbered_from_the_first_where_the_backend_numbers_none_and_as_it_does_where_it_does() -> None:
    rows, served = _rows_and_served(["a", "b", "c"])
    assert [one.number for one in updates.parse(rows, served)] == [3, 2, 1]
    assert [one.number for one in updates.parse([{**row, "version": 40} for row in rows], served)] == [40, 40, 40]


def test_each_update_knows_what_served_at_its_end_and_a_failed_one_that_it_moved_nothing() -> None:
    rows, served = _rows_and_served(["a", "b!", "c"])
    last, failed, first = updates.parse(rows, served)
    assert [one.serving.release if one.serving else "" for one in (last, failed, first)] == ["c", "a", "a"]
    assert [one.moved for one in (last, failed, first)] == [True, False, True]
    assert [one.served for one in (last, failed, first)] == [True, False, True]


def test_an_update_that_failed_after_the_switch_has_served() -> None:
    rows, served = _rows_and_served(["a", "b"])
    rows[0]["result"] = "failed"
    assert updates.parse(rows, served)[0].served


def test_a_secret_that_cannot_be_read_is_left_out_and_never_taken_for_its_value() -> None:
    rows, served = _rows_and_served(["a"])
    rows[0]["config"] = {"gateway:secrets": {"value": updates.UNREADABLE, "secret": True}, "gateway:workers": {"value": "2"}}
    (update,) = updates.parse(rows, served)
    assert update.unreadable == {"secrets"}
    assert update.config == {"workers": "2"}


def test_a_commit_title_that_looks_like_a_rollback_into_the_future_is_none() -> None:
    assert _update(number=3, message="rollback to update 7").goes_back_to is None
    assert _update(number=9, message="rollback to update 7 (by me@here)").goes_back_to == 7
    assert _update(number=9, message="Roll back to update 7").goes_back_to is None


def test_who_ran_it_is_in_the_message_or_with_what_it_served() -> None:
    rows, served = _rows_and_served(["a"])
    assert updates.parse(rows, [served[0].model_copy(update={"by": "ci@build"})])[0].by == "ci@build"
    assert _update(message="Mend the form (by me@here)").by == "me@here"
    assert _update(message="Mend the form").by == ""


def test_the_switch_is_found_in_the_state_by_its_component() -> None:
    printed = '{"served": [{"interface": "wsgi", "server": "gunicorn", "release": "r", "instance": "i", "at": "2026-11-21"}]}'
    urn = "urn:pulumi:dev::gateway::gateway:index:DjangoSite$gateway:index:Traffic::shop-traffic"
    resources = [{"type": "command:local:Command", "parent": urn, "outputs": {"stdout": printed}}, {"type": "other"}]
    assert [one.instance for one in updates.served_of({"deployment": {"resources": resources}})] == ["i"]
    assert updates.served_of({"deployment": {}}) == ()
