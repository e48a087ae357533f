"""Database settings that leak or fail under ASGI."""

import ast
from collections.abc import Iterator

from advisor.evidence import Evidence
from advisor.module import Module
from advisor.project import Project

LEAKS = "under ASGI a thread ends with its request and its connection stays open"


def find(project: Project) -> Iterator[Evidence]:
    """CONN_MAX_AGE that is not 0, ATOMIC_REQUESTS with async views, the check against sync ORM switched off."""
    for module in project.settings:
        for node in ast.walk(module.tree):
            yield from _ages(module, node)
            yield from _atomic(project, module, node)
    for module in project.code.containing("DJANGO_ALLOW_ASYNC_UNSAFE"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Constant) and node.value == "DJANGO_ALLOW_ASYNC_UNSAFE":
                says = "DJANGO_ALLOW_ASYNC_UNSAFE: the ORM may block the event loop, and mix connections up"
                yield Evidence(module.file, node.lineno, "database", "spoils", says, "take it out and use the a-methods")


def _settings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Name and value of what a dict, a subscript or a keyword argument sets."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                yield str(target.slice.value), node.value
            elif isinstance(target, ast.Name) and target.id in ("CONN_MAX_AGE", "ATOMIC_REQUESTS"):
                yield target.id, node.value
    elif isinstance(node, ast.keyword) and node.arg in ("conn_max_age", "CONN_MAX_AGE", "ATOMIC_REQUESTS"):
        yield node.arg, node.value


def _ages(module: Module, node: ast.AST) -> Iterator[Evidence]:
    for name, value in _settings(node):
        if name.upper() != "CONN_MAX_AGE":
            continue
        ages = list(_constants(value))
        if any(age == 0 and not isinstance(age, bool) for age in ages):
            continue  # 0, or 0 in the branch for ASGI
        shown = ast.unparse(value)
        if ages or isinstance(value, ast.Constant):
            says = f"CONN_MAX_AGE is {shown}: {LEAKS}"
            yield Evidence(
                module.file, value.lineno, "database", "spoils", says, "0 under ASGI (GATEWAY_INTERFACE tells), with a pool"
            )


def _constants(node: ast.expr) -> Iterator[object]:
    """Numbers (and None) that an expression may come to, defaults of calls included; texts are read as numbers."""
    if isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)
    elif isinstance(node, ast.Call):
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            yield from _constants(argument)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _constants(value)
    elif isinstance(node, ast.BinOp):
        yield from (age for side in (node.left, node.right) for age in _constants(side))
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str) and node.value.isdigit():
            yield int(node.value)
        elif node.value is None or isinstance(node.value, int | float):
            yield node.value


def _atomic(project: Project, module: Module, node: ast.AST) -> Iterator[Evidence]:
    for name, value in _settings(node):
        on = not (isinstance(value, ast.Constant) and not value.value)
        views = [view for view in project.async_views if view.routed] if name == "ATOMIC_REQUESTS" and on else []
        if views:
            says = f"ATOMIC_REQUESTS with async views ({views[0].name}, ...): Django raises RuntimeError for each of them"
            fix = "non_atomic_requests on the async views, or transaction.atomic where it is needed"
            yield Evidence(module.file, value.lineno, "database", "spoils", says, fix)
