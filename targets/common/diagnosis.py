"""What usually goes wrong with a served Django project, recognised from what servers, Nginx and the system say.

Pure: text and facts in, findings out. Standard library only, since it runs on hosts too. Each finding is one sentence, the line
that shows it, and what mends it. ``docs/when-it-fails.md`` has a line for each.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from targets.common.rules import MIGRATION, RULES, Rule

SHOWN = 300
"""Characters of a line that is shown."""


class Line(NamedTuple):
    """One line of a log."""

    at: str
    """When, as the log has it: ``10:42:03``; '' where it does not say."""
    text: str


@dataclass(frozen=True)
class Finding:
    """What is wrong, in one sentence; the line that shows it; what to do about it."""

    name: str
    sentence: str
    evidence: str
    fix: str
    where: str = ""
    """Whose line it is: a container, a unit, Nginx's log; '' for a fact that was looked at."""

    @property
    def words(self) -> str:
        """For the first line of a message."""
        return f"{self.sentence} ({self.evidence})"

    @property
    def way_out(self) -> str:
        """The end of the first line of an update's message."""
        return f"; way out: {self.fix}, then run the update again"


_APPLYING = re.compile(r"Applying (?P<migration>[\w.]+)\.\.\.(?P<end>.*)")
_ABOUT_THE_DATABASE = ("database password", "database missing", "database refused", "too many connections", "disk full")


_NGINX_HEAD = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d |\d+#\d+: (?:\*\d+ )?")
_NGINX_MORE = re.compile(r", client: .*?(?=, request: |$)|, upstream: .*$|, host: .*$")


def recognise(text: str, rules: Iterable[Rule] = RULES) -> Finding | None:
    """What one line says, None where no rule knows it."""
    for rule in rules:
        found = re.search(rule.pattern, text)
        if found:
            return Finding(rule.name, rule.sentence, shorten(text), rule.fix)
    return None


def explain(log: str, reason: str) -> Finding | None:
    """Why a process failed of which ``reason`` is the last word; else what the lines before say, the last one first."""
    found = recognise(reason) or next((one for one in map(recognise, reversed(log.splitlines())) if one), None)
    if found and found.name in _ABOUT_THE_DATABASE:
        return found
    unfinished = unfinished_migration(log)
    if unfinished:
        return Finding(MIGRATION.name, MIGRATION.sentence.format(migration=unfinished), shorten(reason), MIGRATION.fix)
    return found


def unfinished_migration(log: str) -> str:
    """``store.0003_price`` where that was begun and is not said to have ended well; '' for none."""
    begun = [found for line in log.splitlines() if (found := _APPLYING.search(line))]
    return begun[-1]["migration"] if begun and not begun[-1]["end"].rstrip().endswith("OK") else ""


def in_log(lines: Iterable[Line], where: str, rules: Iterable[Rule] = RULES) -> Iterator[Finding]:
    """Each kind of trouble in a log once, its last line as evidence, with how often and when."""
    rules, seen = tuple(rules), dict[str, tuple[Finding, Line, int]]()
    for line in lines:
        if found := recognise(line.text.strip(), rules):
            seen[found.name] = (found, line, seen[found.name][2] + 1 if found.name in seen else 1)
    for found, line, count in seen.values():
        told = " ".join(filter(None, [f"{count} lines," if count > 1 else "", "last at" if count > 1 else "at", line.at]))
        evidence = f"{found.evidence} [{told}]" if line.at else found.evidence
        yield Finding(found.name, found.sentence, evidence, found.fix, where)


def shorten(text: str) -> str:
    """One line of at most ``SHOWN`` characters; of Nginx's without process, client and what is the same in each."""
    text = _NGINX_MORE.sub("", _NGINX_HEAD.sub("", " ".join(text.split())))
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
