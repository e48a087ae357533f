"""A short random walk; ``python -m bench.walk`` goes a long way."""

from collections.abc import Callable

import pytest

from bench.load import Load
from bench.walk import Walk
from tests.deployment import Deployment

pytestmark = pytest.mark.long

STEPS = 8


def test_whatever_is_done_in_whatever_order_the_model_and_the_site_agree(deploy: Callable[..., Deployment]) -> None:
    site = deploy("walking")
    walk = Walk(site, seed=16)
    with Load(base_url=site.url, host="localhost", rate=30, post_rate=5, slow=1, clients=4) as load:
        done = [walk.step() for _ in range(STEPS)]
    assert load.report.failed == 0, f"{done}: {load.report.summary()}"
    assert len(set(done)) >= 4, f"a walk that goes nowhere: {done}"
