"""What the advisor finds, and what it makes of it."""

from dataclasses import dataclass
from typing import Literal

from settings.model import Interface

Weight = Literal["needs", "bars", "gains", "spoils", "fix", "note"]
"""What a finding says about ASGI.

``needs``: only ASGI can serve it. ``bars``: ASGI cannot be served at all. ``gains``: works under both, better under ASGI.
``spoils``: takes that gain away, or breaks something, until it is mended. ``fix``: to mend before a switch, decides nothing.
``note``: says nothing about the interface, or was looked at and left out.
"""


@dataclass(frozen=True, order=True)
class Evidence:
    """One finding in the project's files."""

    file: str
    """Relative to the project, ``/`` as separator."""
    line: int
    """From 1; 0 for a file that is not there."""
    rule: str
    """Group of rules: channels, views, blocking, streaming, middleware, database, background, entry."""
    weight: Weight
    says: str
    fix: str = ""
    """What to do about it, '' where nothing is to be done."""

    @property
    def where(self) -> str:
        """``file:line``, as editors take it."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, order=True)
class Unread:
    """A Python file that could not be read, and why."""

    file: str
    line: int
    why: str


@dataclass(frozen=True)
class Change:
    """One thing that another interface changes for whoever runs the site."""

    topic: str
    says: str


@dataclass(frozen=True)
class Advice:
    """The verdict and all that it rests on."""

    interface: Interface
    because: str
    """One sentence without a full stop, evidence first."""
    sure: bool
    """False where something speaks for the other interface; WSGI wins then."""
    evidence: tuple[Evidence, ...]
    changes: tuple[Change, ...]
    """What a switch to ASGI would change."""
    unread: tuple[Unread, ...]
    files: int
    """Python files that were looked at."""

    def with_weight(self, *weights: Weight) -> tuple[Evidence, ...]:
        """The findings of these weights, in the order of the files."""
        return tuple(one for one in self.evidence if one.weight in weights)

    @property
    def first(self) -> tuple[Evidence, ...]:
        """What to mend before the project is served over ASGI (some of it is wrong under both)."""
        return tuple(one for one in self.evidence if one.fix and one.weight in ("bars", "spoils", "fix"))
