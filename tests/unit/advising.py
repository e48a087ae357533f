"""Advice on small projects that are written for one test each."""

from collections.abc import Callable
from pathlib import Path

from advisor import Advice, Entry, Evidence, advise
from settings.source import Source

MakeProject = Callable[..., Path]

URLS = "from django.urls import path\nfrom shop import views\nurlpatterns = [path('', views.{view})]\n"


def advised(root: Path, entry: Entry | None = None) -> Advice:
    return advise(Source(root), entry)


def with_view(project: MakeProject, text: str, view: str = "page", **files: str) -> Advice:
    """Advice on a project whose one routed view is in ``shop/views.py``; keywords are further modules of ``shop``."""
    more = {f"shop/{name}.py": content for name, content in files.items()}
    return advised(project({"shop/views.py": text, "shop/urls.py": URLS.format(view=view), **more}))


def places(advice: Advice, *weights: str) -> list[str]:
    """``file:line`` of the findings with these weights, all of them where none is named."""
    return [one.where for one in advice.evidence if not weights or one.weight in weights]


def only(advice: Advice) -> Evidence:
    """The one finding that there is."""
    assert len(advice.evidence) == 1, "\n".join(f"{one.where} {one.weight} {one.says}" for one in advice.evidence)
    return advice.evidence[0]
