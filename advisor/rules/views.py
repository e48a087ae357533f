"""Async views: whether what they await truly waits without a thread, and what blocks the event loop meanwhile."""

import ast
import re
from collections.abc import Iterator

from advisor.evidence import Evidence, Weight
from advisor.module import Function, Module
from advisor.project import Project, View
from advisor.work import Spot, Work

_ASYNC_CONSUMER = re.compile(r"Async\w*Consumer$")


def find(project: Project) -> Iterator[Evidence]:
    """One finding for each async view, and one for each line that blocks in anything async that is served."""
    seen: set[tuple[str, int]] = set()
    for view in project.async_views:
        work = project.reader.work(view.module, view.function, view.name.rpartition(".")[0])
        yield _view(view, work)
        if view.routed:
            yield from _blocks(f"async view {view.name}", work, seen)
    for label, module, function, owner in _consumers(project):
        yield from _blocks(label, project.reader.work(module, function, owner), seen)


def _view(view: View, work: Work) -> Evidence:
    """What the view has from ASGI. Only waiting without a thread is a gain, and only where nothing blocks."""
    weight: Weight = "note"
    if not view.routed:
        says = "no route leads to it"
    elif work.waits and (work.blocks or work.queries):
        says = f"awaits {_at(view, work.waits)}, and blocks as well: no gain until that is mended"
    elif work.waits:
        weight, says = "gains", f"awaits {_at(view, work.waits)}: no thread waits"
    elif work.threads:
        says = f"awaits only what runs in a thread ({_at(view, work.threads)}): no gain from ASGI"
    elif work.unknown:
        says = f"awaits {_at(view, work.unknown)}, of which nothing is known here: it counts for nothing"
    else:
        says = "awaits nothing: as a sync view it would be the same"
    return Evidence(view.module.file, view.function.lineno, "views", weight, f"async view {view.name}: {says}")


def _at(view: View, spots: list[Spot]) -> str:
    """The first one in the view's own file, else the first one anywhere, and where it is."""
    spot = min(spots, key=lambda spot: (spot.file != view.module.file, spot))
    return f"{_short(spot)} ({spot.file}:{spot.line})"


def _blocks(label: str, work: Work, seen: set[tuple[str, int]]) -> Iterator[Evidence]:
    for spot in sorted(work.blocks):
        if _new(spot, seen):
            says = f"{_short(spot)} blocks the event loop ({label}): every other request of the process waits"
            yield Evidence(spot.file, spot.line, "blocking", "spoils", says, f"use {spot.instead}")
    for spot in sorted(work.queries):
        if _new(spot, seen):
            says = f"sync ORM in async code ({label}: {_short(spot)}): Django raises SynchronousOnlyOperation"
            yield Evidence(
                spot.file, spot.line, "blocking", "spoils", says, "use the a-methods (aget, acount, async for) or sync_to_async"
            )
    for spot in sorted(work.files):
        if _new(spot, seen):
            says = f"a file is opened on the event loop ({label}): short on a local disk, long on a network one"
            yield Evidence(spot.file, spot.line, "blocking", "fix", says, "use asyncio.to_thread for anything large")


def _new(spot: Spot, seen: set[tuple[str, int]]) -> bool:
    new = (spot.file, spot.line) not in seen
    seen.add((spot.file, spot.line))
    return new


def _consumers(project: Project) -> Iterator[tuple[str, Module, Function, str]]:
    """Async methods of consumers: they share the loop with every request."""
    for module in project.code.containing("Consumer"):
        owners = {n for n, c in module.classes.items() if any(_ASYNC_CONSUMER.search(module.dotted(base)) for base in c.bases)}
        for name, function in module.functions.items():
            owner = name.rpartition(".")[0]
            if owner in owners and isinstance(function, ast.AsyncFunctionDef):
                yield f"consumer {name}", module, function, owner


def _short(spot: Spot) -> str:
    """The last two or three parts of a path: enough to find it on its line."""
    parts = spot.name.split(".")
    return ".".join(parts if len(parts) < 4 else parts[-3:])
