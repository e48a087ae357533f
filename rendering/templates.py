"""Jinja2 over ``templates/``: an undefined name is an error, and text files get no HTML escaping."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).resolve().parent.parent / "templates"


@cache
def _environment(trim: bool) -> Environment:
    # autoescape is for HTML; these are Nginx, systemd and Docker files, whose values the settings have checked.
    loader = FileSystemLoader(FOLDER)
    found = Environment(loader=loader, undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=trim, autoescape=False)
    found.filters["quoted"] = quoted
    return found


def quoted(text: str) -> str:
    """Text as one word of Nginx's configuration."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def render(template: str, **values: object) -> str:
    """Text of ``templates/<template>`` with the values. A line with a block alone leaves no empty line, but in Docker's files."""
    return _environment(not template.startswith("docker/")).get_template(template).render(**values)
