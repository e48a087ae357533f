"""One project in, one verdict out."""

import re

from advisor.evidence import Advice
from advisor.project import Entry, Project
from advisor.rules import findings
from advisor.verdict import decide
from settings.source import Source


def advise(source: Source, entry: Entry | None = None) -> Advice:
    """Read the project's files and decide. ``entry`` is what the config says of it; the rest is found in the files."""
    project = Project(source, entry or Entry())
    evidence = list(findings(project))
    layers = any(True for _ in project.assigned("CHANNEL_LAYERS"))
    _try_rest(project)
    unread = list(project.code.unread.values())
    blind = [one for one in unread if any(word in project.code.text(one.file) for word in TELLING)]
    return decide(evidence, unread, len(project.code.files), project.view_count, layers, blind)


TELLING = ("async def ", "websocket", "StreamingHttpResponse")
"""Words of files that might have said something."""


_PYTHON_2 = re.compile(r"^[ \t]*(print[ \t]+[\"'\w]|except[ \t]+\w+,[ \t]*\w+:|raise[ \t]+\w+,)", re.MULTILINE)


def _try_rest(project: Project) -> None:
    """Files that no rule had to read: those that look like Python 2 are parsed too, so that they are told of."""
    for file in project.code.files:
        if _PYTHON_2.search(project.code.text(file)):
            project.code.module(file)
