"""``make advise``: WSGI or ASGI for a project, and why."""

from pathlib import Path

from rich.console import Console

from advisor import Entry
from advisor import advise as read
from advisor.printing import as_json, as_text
from ops.errors import BadConfig
from settings.project import websockets_are_optional
from settings.source import Source

SIGNS = ("manage.py", "asgi.py", "wsgi.py")


def advise(path: Path, console: Console, *, json: bool) -> None:
    """Print the advice on the project in a folder. Raises ``BadConfig`` where there is no Django project."""
    if not path.is_dir():
        raise BadConfig(f"'{path}' is not a directory; way out: the folder with manage.py")
    source = Source(path)
    if not any(file.rpartition("/")[2] in SIGNS for file in source.files):
        raise BadConfig(f"no Django project in '{path}': no {', '.join(SIGNS)} in it; way out: the folder with manage.py")
    advice = read(source, Entry(websockets_optional=websockets_are_optional(source)))
    if json:
        print(as_json(advice))
    else:
        console.print(as_text(advice), markup=False, end="")
