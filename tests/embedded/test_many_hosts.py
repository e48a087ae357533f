"""A hundred hosts cost a hundred times what one costs, and not more."""

import asyncio
from typing import Any

import pytest

from bench.hosts import no_op_seconds


def test_the_number_of_waits_does_not_grow_with_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK by itself waits for all open outputs after each that is done: time that grows with the square of the hosts."""
    waits: list[int] = []
    wait = asyncio.wait

    async def counted(tasks: Any, **options: Any) -> Any:
        waits.append(len(tasks))
        return await wait(tasks, **options)

    monkeypatch.setattr(asyncio, "wait", counted)
    looked_at = {}
    for hosts in (5, 20):
        waits.clear()
        no_op_seconds(hosts)
        looked_at[hosts] = sum(waits)
    assert looked_at[20] < 6 * looked_at[5]
