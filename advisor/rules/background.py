"""Background work that lives inside a server process: it ends with the instance under both interfaces. A queue is its place."""

import ast
import re
from collections.abc import Iterator

from advisor.evidence import Evidence
from advisor.module import Module
from advisor.project import Project
from advisor.work import own_nodes

_WORDS = ("threading", "multiprocessing", "concurrent.futures", "apscheduler", "create_task", "ensure_future")
_STARTS = re.compile(
    r"^(threading\.(Thread|Timer)|multiprocessing\.(Process|Pool)|concurrent\.futures\.(Thread|Process)PoolExecutor"
    r"|apscheduler(\.\w+)*\.\w+Scheduler)$"
)
_TASKS = re.compile(r"^asyncio\.(create_task|ensure_future)$|(^|\.)loop\.create_task$")
_ELSEWHERE = re.compile(r"(^|/)(management/commands/|scripts?/|bin/)|(^|/)(tasks|celery|manage|workers?|bot)\.py$")
QUEUES = (
    "celery",
    "django-rq",
    "rq",
    "huey",
    "dramatiq",
    "django-dramatiq",
    "django-q2",
    "django-q",
    "django-tasks",
    "procrastinate",
)


def find(project: Project) -> Iterator[Evidence]:
    """Threads, processes, schedulers and loose asyncio tasks in code that is served."""
    queue = next((name for name in QUEUES if project.requires(name)), "")
    fix = f"hand it to {queue}, which the project has" if queue else "a task queue with its own worker process"
    views = {id(view.function) for view in project.async_views}
    for module in project.code.containing(*_WORDS):
        if _ELSEWHERE.search(module.file):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _STARTS.match(name := module.dotted(node.func)):
                what = name.rpartition(".")[2]
                each = ", once in every worker" if "Scheduler" in what else ""
                says = f"{what} starts work inside the server process{each}: a new release or a restart ends it half done"
                yield Evidence(module.file, node.lineno, "background", "note", says, fix)
        for function in module.functions.values():
            if id(function) in views:
                yield from _loose_tasks(module, function, fix)


def _loose_tasks(module: Module, function: ast.AST, fix: str) -> Iterator[Evidence]:
    """A task that nobody awaits: under WSGI it is cancelled as soon as the view has answered."""
    for node in own_nodes(function):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _TASKS.search(module.dotted(node.value.func)):
            says = "an asyncio task that nobody awaits: WSGI cancels it when the view has answered, ASGI at a restart"
            yield Evidence(module.file, node.lineno, "background", "note", says, fix)
