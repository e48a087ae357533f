"""Channels and WebSocket routes: what is routed counts, what is only installed does not."""

import ast
import re
from collections.abc import Iterator

from advisor.evidence import Evidence, Weight
from advisor.module import Module
from advisor.project import Project

_ROUTES = ("ProtocolTypeRouter", "'websocket'", '"websocket"')
_CONSUMER = re.compile(r"(WebsocketConsumer|AsyncHttpConsumer|GenericAsyncAPIConsumer)\b")


def find(project: Project) -> Iterator[Evidence]:
    """Routes, consumers that no route names, Channels that is installed only, a layer that lives inside one process."""
    routes = list(_routes(project))
    yield from routes
    used = any(one.weight in ("needs", "gains") for one in routes)
    yield from _consumers(project, used)
    if not used and (place := project.requires("channels")):
        yield Evidence(*place, "channels", "note", "Channels is installed, and no WebSocket is routed: no reason for ASGI")
    if used:
        yield from _layers(project)


def _routes(project: Project) -> Iterator[Evidence]:
    weight: Weight = "gains" if project.entry.websockets_optional else "needs"
    for module in project.code.containing(*_ROUTES):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and module.dotted(node.func).endswith("ProtocolTypeRouter") and node.args:
                yield from _router(project, module, node.args[0])
            elif isinstance(node, ast.Compare) and _asks_for_websocket(node):
                says = "answers WebSockets itself: only ASGI has them"
                yield Evidence(module.file, node.lineno, "channels", weight, says)


def _router(project: Project, module: Module, table: ast.expr) -> Iterator[Evidence]:
    if not isinstance(table, ast.Dict):
        return
    for key, value in zip(table.keys, table.values, strict=True):
        if not (isinstance(key, ast.Constant) and key.value == "websocket"):
            continue
        if _is_empty(project, module, value):
            says = "the WebSocket router has no routes: no reason for ASGI"
            yield Evidence(module.file, key.lineno, "channels", "note", says)
        elif project.entry.websockets_optional:
            says = "routes WebSockets (Channels); the project says that it can do without"
            yield Evidence(module.file, key.lineno, "channels", "gains", says)
        else:
            yield Evidence(module.file, key.lineno, "channels", "needs", "routes WebSockets (Channels): only ASGI has them")


def _is_empty(project: Project, module: Module, value: ast.expr) -> bool:
    """Whether every URLRouter in the value has an empty list, here or where it is imported from."""
    routers = [n for n in ast.walk(value) if isinstance(n, ast.Call) and module.dotted(n.func).endswith("URLRouter") and n.args]
    return bool(routers) and all(_empty_list(project, module, router.args[0]) for router in routers)


def _empty_list(project: Project, module: Module, node: ast.expr, hops: int = 3) -> bool:
    if isinstance(node, ast.List):
        return not node.elts
    path = module.dotted(node)
    origin, _, name = path.rpartition(".")
    there = project.code.named(origin) if origin else module
    if there is None or not hops:
        return False
    values = [
        s.value for s in ast.walk(there.tree) if isinstance(s, ast.Assign | ast.AnnAssign | ast.AugAssign) and _sets(s, name)
    ]
    return len(values) == 1 and values[0] is not None and _empty_list(project, there, values[0], hops - 1)


def _sets(node: ast.Assign | ast.AnnAssign | ast.AugAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _asks_for_websocket(node: ast.Compare) -> bool:
    """``scope["type"] == "websocket"`` in an ASGI app of the project's own."""
    sides = [node.left, *node.comparators]
    named = any(isinstance(side, ast.Constant) and side.value == "websocket" for side in sides)
    return named and any(isinstance(s, ast.Subscript) and isinstance(s.value, ast.Name) and s.value.id == "scope" for s in sides)


def _consumers(project: Project, used: bool) -> Iterator[Evidence]:
    for module in project.code.containing("Consumer"):
        for name, node in module.classes.items():
            if any(_CONSUMER.search(module.dotted(base)) for base in node.bases) and not used:
                says = f"{name} is a consumer, and no ProtocolTypeRouter leads to it"
                yield Evidence(module.file, node.lineno, "channels", "note", says)


def _layers(project: Project) -> Iterator[Evidence]:
    """An in-memory layer reaches only the connections of its own process."""
    backends = [
        (module, node)
        for module, value in project.assigned("CHANNEL_LAYERS")
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "Layer" in node.value
    ]
    if any("InMemory" not in str(node.value) for _, node in backends):
        return
    for module, node in backends:
        says = "the channel layer lives inside one process: with several, a message reaches only some of the connections"
        fix = "channels-redis and a Redis (services.redis), or workers: 1"
        yield Evidence(module.file, node.lineno, "channels", "fix", says, fix)
