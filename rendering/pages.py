"""What people see when the project does not answer, and while the site is closed: small pages that need nothing else."""

from collections.abc import Mapping

from rendering.identity import short_hash
from rendering.templates import render

PAGES: Mapping[str, tuple[str, str]] = {
    "502.html": ("No answer right now", "The site does not answer. Please try again in a moment."),
    "503.html": ("Closed for a moment", "We are working on the site. Please come back in a few minutes."),
    "504.html": ("This takes too long", "The site did not answer in time. Please try again in a moment."),
}
"""File -> title and words. 503 is the one of ``maintenance``."""

OPEN = "default 0;\n"


def pages(own: Mapping[str, str]) -> dict[str, str]:
    """Every page: the project's own where it has one."""
    return {
        name: own.get(name) or render("nginx/page.html.j2", title=title, words=words) for name, (title, words) in PAGES.items()
    }


def pages_id(texts: Mapping[str, str]) -> str:
    """10 hex digits; the folder of these pages."""
    return short_hash(sorted(texts.items()))


def maintenance(closed: bool, allow: tuple[str, ...]) -> str:
    """The file that says who is shown the page: everybody but the networks in ``allow``, or nobody."""
    return "default 1;\n" + "".join(f"{network} 0;\n" for network in allow) if closed else OPEN
