"""A view of the example project that reveals what is otherwise hard to ask from outside: which code runs, with which values."""

from tests.deployment import Deployment

_VIEW = """
import importlib.metadata
import os

from django.http import JsonResponse


def facts(request):
    names = ("LEVEL", "API_TOKEN")
    found = {name: os.environ.get(name, "") for name in names}
    return JsonResponse({"code": CODE, "six": importlib.metadata.version("six"), **found})


CODE = """
_URL = """
from django.urls import path as _path

from store.facts import facts as _facts

urlpatterns += [_path("facts/", _facts)]
"""


def install(site: Deployment) -> None:
    """Into this copy of the example, under ``/facts/``."""
    urls = site.source / "shop/urls.py"
    urls.write_text(urls.read_text() + _URL)


def code(site: Deployment, marker: object) -> None:
    """Another release: its code says ``marker``."""
    (site.source / "store/facts.py").write_text(f"{_VIEW}{marker!r}\n")
