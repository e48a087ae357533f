"""The interface advisor: reads a Django project without running it and says WSGI or ASGI, with file and line of every reason."""

from advisor.advise import advise
from advisor.evidence import Advice, Evidence
from advisor.project import Entry

__all__ = ["Advice", "Entry", "Evidence", "advise"]
