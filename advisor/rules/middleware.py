"""Middleware that makes Django leave the event loop: one thread for each request, which takes the gain of async views away."""

import ast
from collections.abc import Iterator

from advisor.evidence import Evidence
from advisor.module import Module
from advisor.project import Project

SYNC_ONLY = {
    "whitenoise.middleware.WhiteNoiseMiddleware": "take it out: Nginx serves the static files",
}
"""Middleware of packages without ``async_capable`` (read in whitenoise 6.12)."""

_DECORATORS = ("sync_and_async_middleware", "async_only_middleware")


def find(project: Project) -> Iterator[Evidence]:
    """Sync-only middleware in the settings' MIDDLEWARE."""
    seen: set[str] = set()
    for module, value in project.assigned("MIDDLEWARE"):
        for node in ast.walk(value):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in seen:
                seen.add(node.value)
                yield from _entry(project, module, node.lineno, node.value)


def _entry(project: Project, settings: Module, line: int, path: str) -> Iterator[Evidence]:
    if path in SYNC_ONLY:
        says = f"{path} is sync only: under ASGI every request takes a thread"
        yield Evidence(settings.file, line, "middleware", "spoils", says, SYNC_ONLY[path])
        return
    found = None if path.startswith("django.") else project.code.find(path)
    if found is None:
        return
    module, name = found
    if name in module.classes:
        capable, at = _class_is_capable(project, module, module.classes[name]), module.classes[name].lineno
        fix = "async_capable = True and an async __call__, or Django's sync_and_async_middleware"
    else:
        function = module.functions[name]
        decorators = [module.dotted(decorator).rpartition(".")[2] for decorator in function.decorator_list]
        capable, at = any(decorator in _DECORATORS for decorator in decorators), function.lineno
        fix = "Django's sync_and_async_middleware, with an async branch"
    if not capable:
        says = f"middleware {name} is sync only: under ASGI every request takes a thread"
        yield Evidence(module.file, at, "middleware", "spoils", says, fix)


def _class_is_capable(project: Project, module: Module, node: ast.ClassDef, hops: int = 4) -> bool:
    """Whether the class says ``async_capable``, or a base does. What cannot be read is given the benefit of the doubt."""
    for statement in node.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(statement.value, ast.Constant):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(isinstance(target, ast.Name) and target.id == "async_capable" for target in targets):
                return bool(statement.value.value)
    for base in node.bases:
        path = module.dotted(base)
        found = project.code.find(path) if "." in path else None
        if found and found[1] in found[0].classes and hops:
            if _class_is_capable(project, found[0], found[0].classes[found[1]], hops - 1):
                return True
        elif path not in ("object", *SYNC_ONLY):
            return True  # Django's MiddlewareMixin and its own middleware are capable; of other packages nothing is known
    return False
