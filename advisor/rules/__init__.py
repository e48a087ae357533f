"""The rules, one module per group. Each one yields what it finds; none of them decides."""

from collections.abc import Iterator

from advisor.evidence import Evidence
from advisor.project import Project
from advisor.rules import background, channels, database, entry, middleware, streaming, views

GROUPS = (entry, channels, views, streaming, middleware, database, background)


def findings(project: Project) -> Iterator[Evidence]:
    """All that the rules find."""
    for group in GROUPS:
        yield from group.find(project)
