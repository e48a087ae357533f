"""What is made of what was seen on the engine: a fault to repair, or nothing to do."""

from typing import Any

import pytest

from targets.observation import Observation, change
from targets.serving import Serving

A, B, C = "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"
SERVING = Serving(interface="wsgi", server="gunicorn", release="0" * 10, instance=A)


def seen(**facts: Any) -> Observation:
    sets = ("running", "stopped", "kept", "owners")
    given: dict[str, Any] = {key: frozenset(value) if key in sets else value for key, value in facts.items()}
    return Observation(**given)


@pytest.mark.parametrize(
    ("observed", "fault"),
    [
        (seen(), ""),
        (seen(running={A}, live=A, serving=SERVING), ""),
        (seen(running={A, B}), ""),
        (seen(stopped={A}), f"container of {A} does not run"),
        (seen(live=A), f"container of {A} does not run"),
        (seen(running={B}, live=B), ""),
    ],
    ids=["nothing-seen", "well", "well-beside-another", "stopped", "gone", "a-switch-is-due"],
)
def test_an_instance_that_does_not_run_is_a_fault(observed: Observation, fault: str) -> None:
    assert observed.instance_fault(A) == fault


@pytest.mark.parametrize(
    ("observed", "fault"),
    [
        (seen(), ""),
        (seen(running={A}, live=A), ""),
        (seen(running={B}, live=B), ""),
        (seen(running={A}, live=""), "live.sock names nothing"),
        (seen(running={A, B}, live=B), f"live.sock names {B}"),
        (seen(running={A}, live=C), f"live.sock names {C}"),
        (seen(running={A, B}, live=A), f"stray {B}"),
        (seen(running={A, C}, stopped={B}, live=A), f"stray {B}, {C}"),
    ],
    ids=["nothing-seen", "well", "a-switch-is-due", "no-link", "on-another", "on-one-that-is-gone", "stray", "strays"],
)
def test_traffic_that_is_not_on_the_instance_is_a_fault(observed: Observation, fault: str) -> None:
    assert observed.traffic_fault(A) == fault


@pytest.mark.parametrize(
    ("observed", "due"),
    [
        (seen(), False),
        (seen(owners={"gateway/dev"}, kept={"proxy", "redis"}), False),
        (seen(owners={"gateway/dev"}, kept={"redis"}), True),
        (seen(owners={"gateway/dev"}, kept={"proxy"}), True),
    ],
    ids=["first-start", "well", "nginx-gone", "redis-gone"],
)
def test_a_container_that_the_provider_keeps_and_that_has_gone_asks_for_a_refresh(observed: Observation, due: bool) -> None:
    assert observed.refresh_due(["proxy", "redis"]) is due


def asked(**changes: str) -> Serving:
    return Serving(**{**SERVING.model_dump(), **changes})


@pytest.mark.parametrize(
    ("now", "wanted", "words"),
    [
        (None, asked(), "first start of wsgi (gunicorn), release 0000000000"),
        (SERVING, asked(), "wsgi (gunicorn), release 0000000000 serves and stays"),
        (SERVING, asked(interface="asgi", server="uvicorn", instance=B), "switch wsgi (gunicorn) -> asgi (uvicorn): instance"),
        (SERVING, asked(release="1" * 10, instance=B), "release 0000000000 -> 1111111111: instance"),
        (SERVING, asked(instance=B), "changed env, secrets or server options: instance"),
        (
            SERVING,
            asked(interface="asgi", server="daphne", release="1" * 10, instance=B),
            "switch wsgi (gunicorn) -> asgi (daphne), release 0000000000 -> 1111111111: instance",
        ),
    ],
)
def test_a_change_is_told_in_words_before_it_is_made(now: Serving | None, wanted: Serving, words: str) -> None:
    told = change(now, wanted)
    assert told.startswith(words)
    assert (f"instance {B} starts beside {A}" in told) == (wanted.instance == B)


STACKS = {A: "gateway/prod-wsgi", B: "gateway/prod-asgi"}


def test_the_instance_of_another_stack_and_a_standby_are_no_strays() -> None:
    assert seen(running={A, B}, live=A, stacks=STACKS).traffic_fault(A) == ""
    assert seen(running={A, C}, live=A, standby=C).traffic_fault(A) == ""
    assert seen(running={A, B, C}, live=A, stacks={**STACKS, C: STACKS[A]}).traffic_fault(A) == f"stray {C}"


def test_a_stack_whose_site_another_one_serves_is_to_take_the_traffic_and_says_so() -> None:
    observed = seen(running={A, B}, live=B, stacks=STACKS)
    assert observed.traffic_fault(A) == f"live.sock names {B}"
    assert (observed.taken_by(STACKS[A]), observed.taken_by(STACKS[B])) == ("prod-asgi", "")
    other = SERVING.model_copy(update={"instance": B, "interface": "asgi", "server": "uvicorn"})
    told = change(other, SERVING, "prod-asgi")
    assert told.startswith(f"this stack does not serve: stack prod-asgi does, asgi (uvicorn), release {SERVING.release}; ")
    assert f"gives the traffic to wsgi (gunicorn), instance {A}, and {B} stays as it is" in told
