"""What the app answered since a switch: how much of it was errors, and whether that is too much.

Standard library only: it is copied to hosts.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from targets.common.access_log import Entry

FEWEST = 3
"""So many bad answers at least: one may be anybody's bad luck."""
STEP_SECONDS = 0.5
"""How often a site that is watched is looked at."""


@dataclass
class Seen:
    """Answers of the app since the switch."""

    answers: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    """Request and status -> how often, for 5xx; nothing that people typed behind a ``?``."""

    def add(self, found: Iterable[Entry]) -> None:
        """Count further answers; not those that Nginx gave by itself."""
        for one in found:
            if one.upstream != "-":
                self.answers += 1
                if one.status >= 500:
                    self.bad[f"{one.method} {one.host}{one.path} {one.status}"] += 1

    def verdict(self, percent: int) -> str:
        """What is wrong, '' for nothing: more than ``percent`` of the answers were 5xx."""
        count = self.bad.total()
        if count < FEWEST or count * 100 <= percent * self.answers:
            return ""
        worst = ", ".join(f"{what} {times} times" for what, times in self.bad.most_common(3))
        return f"{count} of {self.answers} answers were 5xx ({worst})"
