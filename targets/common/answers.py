"""What Nginx answered, as its access log tells: how many answers of the app were errors, and whether that is too many.

Standard library only: it is copied to hosts.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

FEWEST = 3
"""So many bad answers at least: one may be anybody's bad luck."""
STEP_SECONDS = 0.5
"""How often a site that is watched is looked at."""
_LINE = re.compile(r'"(?P<what>\S+ \S+)" (?P<status>\d{3}) \d+ upstream=(?P<upstream>\S+)')


@dataclass(frozen=True)
class Answer:
    """One answer of the app."""

    what: str
    """Method, host and path; nothing that people typed behind a ``?``."""
    status: str


def read(line: str) -> Answer | None:
    """A line of the log, as JSON or as text of before; None for what Nginx answered by itself and for other lines."""
    if line.lstrip().startswith("{"):
        try:
            told = json.loads(line)
            what, status = f"{told['method']} {told['host']}{told['uri']}", str(told["status"])
            upstream = str(told["upstream_time"])
        except (ValueError, KeyError, TypeError):
            return None
    else:
        found = _LINE.search(line)
        if not found:
            return None
        what, status, upstream = found["what"], found["status"], found["upstream"]
    return Answer(what.partition("?")[0], status) if upstream not in ("", "-") else None


@dataclass
class Seen:
    """Answers of the app since the switch."""

    answers: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    """Request and status -> how often, for 5xx."""

    def add(self, lines: Iterable[str]) -> None:
        """Count further lines of Nginx's access log."""
        for answer in filter(None, map(read, lines)):
            self.answers += 1
            if answer.status.startswith("5"):
                self.bad[f"{answer.what} {answer.status}"] += 1

    def verdict(self, percent: int) -> str:
        """What is wrong, '' for nothing: more than ``percent`` of the answers were 5xx."""
        count = self.bad.total()
        if count < FEWEST or count * 100 <= percent * self.answers:
            return ""
        worst = ", ".join(f"{what} {times} times" for what, times in self.bad.most_common(3))
        return f"{count} of {self.answers} answers were 5xx ({worst})"
