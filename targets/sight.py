"""How a site is looked at, whatever it is on."""

from collections.abc import Sequence
from typing import Any, Protocol

Facts = dict[str, Any]
"""What is on one host, or on the Docker engine; docs/status.md tells the keys."""


class Sight(Protocol):
    """Looks at every host of a site."""

    def look(self) -> dict[str, Facts | str]:
        """Host -> what is there, or in words why nobody can tell. Of looks that follow one another each waits for the next."""
        ...

    def around(self, moments: Sequence[float]) -> dict[str, list[Facts] | str]:
        """Host -> for each moment what was answered around it, as ``targets.common.around`` tells it."""
        ...

    def close(self) -> None:
        """No more looks."""
        ...
