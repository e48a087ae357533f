"""After the switch: does the site live? What Nginx answers and whether the new instance restarts, for a while."""

import contextlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from docker.models.containers import Container

from targets.docker.agent import engine

FEWEST = 3
"""So many bad answers at least: one may be anybody's bad luck."""

STEP_SECONDS = 0.5
_TEXT = re.compile(r'"(?P<method>\S+) (?P<host>[^\s/]*)(?P<uri>\S*)" (?P<status>\d{3}) \d+ upstream=(?P<upstream_time>\S+)')


def _fields(line: str) -> dict[str, object]:
    """A line of the access log, in either form; nothing where it is another kind of line."""
    if line.startswith("{"):
        with contextlib.suppress(ValueError):
            return dict(json.loads(line))
    found = _TEXT.search(line)
    return dict(found.groupdict()) if found else {}


@dataclass
class Seen:
    """Answers of the app since the switch, as Nginx logged them."""

    answers: int = 0
    bad: Counter[str] = field(default_factory=Counter)
    """Request and status -> how often, for 5xx."""

    def add(self, lines: Iterable[str]) -> None:
        """Count further lines of Nginx's access log; files that Nginx serves itself do not count."""
        for line in lines:
            found = _fields(line)
            if found.get("upstream_time", "-") not in ("", "-"):
                self.answers += 1
                if str(found["status"]).startswith("5"):
                    path = str(found["uri"]).partition("?")[0]
                    self.bad[f"{found['method']} {found['host']}{path} {found['status']}"] += 1

    def verdict(self, percent: int) -> str:
        """What is wrong, '' for nothing: more than ``percent`` of the answers were 5xx."""
        count = self.bad.total()
        if count < FEWEST or count * 100 <= percent * self.answers:
            return ""
        worst = ", ".join(f"{what} {times} times" for what, times in self.bad.most_common(3))
        return f"{count} of {self.answers} answers were 5xx ({worst})"


def watch(proxy: Container, instance: Container, *, seconds: int, percent: int) -> str:
    """Watch for that time; returns as soon as something is wrong with what was seen, else ''."""
    begun = time.time()
    first = engine.inspect_state(instance)["Pid"]
    while (left := begun + seconds - time.time()) > 0:
        time.sleep(min(STEP_SECONDS, left))
        state = engine.inspect_state(instance)
        if not state["Running"] or state["Pid"] != first:
            return f"its process ended and was started again {time.time() - begun:.0f} s after the switch"
        seen = Seen()
        seen.add(proxy.logs(since=begun).decode(errors="replace").splitlines())
        if wrong := seen.verdict(percent):
            return f"{wrong} in the first {time.time() - begun:.0f} s"
    return ""
