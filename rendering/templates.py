"""Jinja2 over ``templates/``: an undefined name is an error, and text files get no HTML escaping."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).resolve().parent.parent / "templates"


@cache
def _environment() -> Environment:
    # autoescape is for HTML; these are Nginx and Docker files, whose values the settings have checked.
    return Environment(loader=FileSystemLoader(FOLDER), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)


def render(template: str, **values: object) -> str:
    """Text of ``templates/<template>`` with the values."""
    return _environment().get_template(template).render(**values)
