"""Streaming responses. Either kind of iterator streams under its own interface only; the other one collects it whole first.

Django's StreamingHttpResponse makes a list of an async iterator under WSGI, and of a sync one under ASGI, before it sends the
first byte. One without an end then never answers.
"""

import ast
import re
from collections.abc import Iterator
from typing import Literal

from advisor.evidence import Evidence, Weight
from advisor.module import Function, Module
from advisor.project import Project
from advisor.work import own_nodes

Kind = Literal["async", "sync", "either", "unknown"]
_STREAMS = ("StreamingHttpResponse", "FileResponse", "sleep(")
_ENDLESS = re.compile(r"itertools\.count|^count$")


def find(project: Project) -> Iterator[Evidence]:
    """Streams by kind, files that are sent by Django, and views that poll in a loop."""
    for module in project.code.containing(*_STREAMS):
        for name, function in module.functions.items():
            for node in own_nodes(function):
                if isinstance(node, ast.Call):
                    yield from _call(project, module, function, name, node)
            if isinstance(function, ast.FunctionDef) and _polls(module, function):
                says = f"{name} waits in a loop (long polling): it holds a thread of a WSGI worker all the time"
                yield Evidence(module.file, function.lineno, "streaming", "note", says, "an async view that awaits, under ASGI")


def _call(project: Project, module: Module, function: Function, name: str, call: ast.Call) -> Iterator[Evidence]:
    made = module.dotted(call.func)
    if made in ("django.http.FileResponse", "django.http.response.FileResponse"):
        says = f"{name} sends a file by FileResponse: under ASGI Django reads it into memory as a whole"
        yield Evidence(
            module.file, call.lineno, "streaming", "fix", says, "let Nginx send it (X-Accel-Redirect), or keep it small"
        )
    if made not in ("django.http.StreamingHttpResponse", "django.http.response.StreamingHttpResponse"):
        return
    content = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "streaming_content"), None)
    kind, endless = _kind(project, module, function, content)
    finding = _judge(kind, "endless" if endless else "events" if "text/event-stream" in ast.unparse(call) else "", name)
    yield Evidence(module.file, call.lineno, "streaming", *finding)


def _judge(kind: Kind, length: Literal["endless", "events", ""], name: str) -> tuple[Weight, str, str]:
    """Weight, words and way out for a stream of this kind."""
    other = {
        "endless": "would never answer",
        "events": "the events would come in one piece, at the end",
        "": "is collected first",
    }[length]
    what = {"endless": "a stream without an end", "events": "server-sent events", "": "a response"}[length]
    if kind == "async":
        weight: Weight = "needs" if length else "gains"
        return weight, f"{name} streams {what} from an async generator: under WSGI it {other}".replace("it the", "the"), ""
    if kind == "either":
        return "gains", f"{name} streams {what} under both interfaces: under WSGI each client holds a thread", ""
    if kind == "sync" and length:
        says = f"{name} streams {what} from a sync generator: under WSGI each client holds a thread, under ASGI it {other}"
        return "spoils", says.replace("it the", "the"), "write the generator as async def: then it is a reason for ASGI"
    if kind == "sync":
        says = f"{name} streams from a sync iterator: fine under WSGI, collected in memory first under ASGI"
        return "fix", says, "an async generator, if the response is large"
    return "note", f"{name} streams, and what from is not to be seen here", ""


def _kind(project: Project, module: Module, function: Function, node: ast.expr | None, hops: int = 4) -> tuple[Kind, bool]:
    """Which kind of iterator it is, and whether it has no end."""
    if node is None or not hops:
        return "unknown", False
    if isinstance(node, ast.IfExp):
        kinds = [_kind(project, module, function, branch, hops - 1) for branch in (node.body, node.orelse)]
        both = {kind for kind, _ in kinds} == {"async", "sync"}
        return ("either" if both else kinds[0][0]), any(endless for _, endless in kinds)
    if isinstance(node, ast.GeneratorExp):
        return ("async" if any(g.is_async for g in node.generators) else "sync"), False
    if isinstance(node, ast.List | ast.Tuple | ast.ListComp | ast.JoinedStr | ast.Constant):
        return "sync", False
    if isinstance(node, ast.Name):
        values = [n.value for n in own_nodes(function) if isinstance(n, ast.Assign) and any(_is(t, node.id) for t in n.targets)]
        return _kind(project, module, function, values[-1], hops - 1) if values else ("unknown", False)
    if isinstance(node, ast.Call):
        return _generator(project, module, function, node)
    return "unknown", False


def _generator(project: Project, module: Module, function: Function, call: ast.Call) -> tuple[Kind, bool]:
    path = module.dotted(call.func)
    if path in ("iter", "map", "filter", "zip", "reversed") or path.endswith(("FileWrapper", ".iterator")):
        return "sync", False
    inner = (node for node in own_nodes(function) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    found = next((f for f in inner if isinstance(call.func, ast.Name) and f.name == call.func.id), None)
    if found is None and path.startswith("self."):
        found = next((f for n, f in module.functions.items() if n.endswith(path[4:])), None)
    if found is None and "." in path and (there := project.code.find(path)) and there[1] in there[0].functions:
        module, found = there[0], there[0].functions[there[1]]
    if found is None:
        return "unknown", False
    nodes = list(own_nodes(found))
    if not any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes):
        return "unknown", False
    return ("async" if isinstance(found, ast.AsyncFunctionDef) else "sync"), any(_endless(module, node) for node in nodes)


def _endless(module: Module, node: ast.AST) -> bool:
    if isinstance(node, ast.While):
        leaves = any(isinstance(inner, ast.Break | ast.Return) for inner in ast.walk(node))
        return isinstance(node.test, ast.Constant) and bool(node.test.value) and not leaves
    return isinstance(node, ast.For) and bool(_ENDLESS.search(module.dotted(node.iter)))


def _polls(module: Module, function: Function) -> bool:
    """Whether a view sleeps in a loop before it answers."""
    if not function.args.args or function.args.args[0].arg not in ("request", "self"):
        return False
    if function.args.args[0].arg == "self" and not any(a.arg == "request" for a in function.args.args):
        return False
    loops = [node for node in own_nodes(function) if isinstance(node, ast.While)]
    calls = (node for loop in loops for node in ast.walk(loop) if isinstance(node, ast.Call))
    return any(module.dotted(call.func) == "time.sleep" for call in calls)


def _is(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name
