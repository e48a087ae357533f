"""A short random walk; ``python -m bench.walk`` goes a long way."""

from collections.abc import Callable

import pytest

from bench.walk import Walk, people
from tests.deployment import Deployment

pytestmark = pytest.mark.long

STEPS = 8


def test_whatever_is_done_in_whatever_order_the_model_and_the_site_agree(deploy_anywhere: Callable[[str], Deployment]) -> None:
    site = deploy_anywhere("walking")
    walk = Walk(site, seed=16)
    with people(site) as loads:
        done = [walk.step() for _ in range(STEPS)]
    for load in loads:
        assert load.report.failed == 0, f"{done}: {load.report.summary()}"
        assert load.report.ok > 0, "or nobody was there"
    assert len(set(done)) >= 4, f"a walk that goes nowhere: {done}"
