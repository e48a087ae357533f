"""What an engine knows of a stack, asked for all at once: with the CLI each question is a process of a third of a second."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ops.engines import Engine


@dataclass(frozen=True)
class Reading:
    """Under way; each answer is waited for where it is wanted, and raises there what the engine had to say."""

    rows: "Future[Mapping[str, Mapping[str, Any]]]"
    """``Engine.config_rows``."""
    state: "Future[dict[str, Any]]"
    """``Engine.export``."""
    history: "Future[list[dict[str, Any]]]"
    """``Engine.history``."""


def begin(stack: Engine) -> Reading:
    """Ask, and go on meanwhile."""
    pool = ThreadPoolExecutor(3)
    reading = Reading(pool.submit(stack.config_rows), pool.submit(stack.export), pool.submit(stack.history))
    pool.shutdown(wait=False)
    return reading
