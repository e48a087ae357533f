"""What the project can be started with at all."""

import re
from collections.abc import Iterator

from advisor.evidence import Evidence
from advisor.project import Project

_DJANGO = re.compile(r"^[\s\"']*django\s*(?:=\s*[\"'])?[=~<>^(]+=?\s*(\d+)\.(\d+)", re.IGNORECASE)
_OTHER_APPS = re.compile(r"^(fastapi\.FastAPI|starlette\.applications\.Starlette|litestar\.Litestar|socketio\.ASGIApp)$")


def find(project: Project) -> Iterator[Evidence]:
    """Entry points that are missing, a Django too old for ASGI, another ASGI app beside Django."""
    asgi, wsgi = project.entry_module("asgi"), project.entry_module("wsgi")
    if asgi is None:
        yield Evidence("asgi.py", 0, "entry", "bars", "there is no asgi.py", "add one: get_asgi_application() in an asgi.py")
    elif wsgi is None:
        yield Evidence(asgi.file, 1, "entry", "needs", "asgi.py is the only entry point: there is no wsgi.py")
    for file, line, text in project.requirements:
        found = _DJANGO.match(text)
        if found and int(found[1]) < 3 and "<" not in text.split(found[1])[0]:
            says = f"Django {found[1]}.{found[2]} has no ASGI"
            yield Evidence(file, line, "entry", "bars", says, "update Django to a version that is still supported")
    yield from _other_app(project)


def _other_app(project: Project) -> Iterator[Evidence]:
    """FastAPI and its like, started together with Django from one module."""
    import ast

    for module in project.code.containing("get_asgi_application"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _OTHER_APPS.match(name := module.dotted(node.func, {})):
                says = f"another ASGI app ({name.rpartition('.')[2]}) is served beside Django"
                yield Evidence(module.file, node.lineno, "entry", "needs", says)
