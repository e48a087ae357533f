"""What an async function does while it is served: where it truly waits, where a thread waits for it, where it blocks the loop."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from advisor import calls
from advisor.code import Code
from advisor.module import Function, Module, bindings, children

DEEPEST = 6
"""Calls that are followed from one function of the project into the next."""


@dataclass(frozen=True, order=True)
class Spot:
    """A line, and what is called there."""

    file: str
    line: int
    name: str
    """Dotted path of what is called, the project's own part shortened."""
    instead: str = ""
    """What to use, where the call blocks."""


@dataclass
class Work:
    """All that a function does, with what it calls in the project."""

    waits: list[Spot] = field(default_factory=list)
    threads: list[Spot] = field(default_factory=list)
    unknown: list[Spot] = field(default_factory=list)
    blocks: list[Spot] = field(default_factory=list)
    queries: list[Spot] = field(default_factory=list)
    """Sync ORM: Django raises SynchronousOnlyOperation there."""
    files: list[Spot] = field(default_factory=list)

    def add(self, other: "Work", awaited: bool) -> None:
        """What a called function does; a sync one can only block."""
        if awaited:
            self.waits += other.waits
            self.threads += other.threads
            self.unknown += other.unknown
            self.files += other.files
        self.blocks += other.blocks
        self.queries += other.queries


class Reader:
    """Reads functions, each one once."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._known: dict[int, Work] = {}
        self._classes: dict[tuple[str, str], dict[str, str]] = {}

    def work(
        self, module: Module, function: Function, owner: str = "", depth: int = 0, outer: dict[str, str] | None = None
    ) -> Work:
        """What ``function`` does; ``owner`` is the class it is a method of, ``outer`` the names around a nested one."""
        if id(function) in self._known:
            return self._known[id(function)]
        work = self._known[id(function)] = Work()  # found again below in a recursion: nothing more to learn there
        body = list(own_nodes(function))
        scope = self._scope(module, function, owner, body, outer or {})
        nested = {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        awaited = set(_awaited(body, module, scope))
        for node in body:
            if isinstance(node, ast.Call):
                self._call(work, module, node, scope, nested, owner, id(node) in awaited, depth)
            elif isinstance(node, ast.For | ast.comprehension) and not getattr(node, "is_async", 0):
                self._iterates(work, module, node.iter, scope)
            elif isinstance(node, ast.AsyncFor) and not isinstance(node.iter, ast.Call):
                self._sort(work, Spot(module.file, node.lineno, module.dotted(node.iter, scope)))
        return work

    def _scope(
        self, module: Module, function: Function, owner: str, body: list[ast.AST], outer: dict[str, str]
    ) -> dict[str, str]:
        scope = dict(outer)
        scope.update(self._fields(module, owner) if owner else {})
        arguments = function.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if argument.annotation is not None and (made := module.dotted(argument.annotation)) and "." in made:
                scope[argument.arg] = made
        ordered = sorted(body, key=lambda node: getattr(node, "lineno", 0))
        scope.update(bindings(module, ordered, scope))
        return scope

    def _fields(self, module: Module, owner: str) -> dict[str, str]:
        """What the methods of a class set on ``self``."""
        key = (module.file, owner)
        if key not in self._classes:
            methods = (function for name, function in module.functions.items() if name.startswith(f"{owner}."))
            made = (pair for method in methods for pair in bindings(module, own_nodes(method), {}))
            self._classes[key] = {name: path for name, path in made if name.startswith("self.")}
        return self._classes[key]

    def _call(
        self,
        work: Work,
        module: Module,
        call: ast.Call,
        scope: dict[str, str],
        nested: dict[str, Function],
        owner: str,
        awaited: bool,
        depth: int,
    ) -> None:
        name = module.dotted(call.func, scope)
        if isinstance(call.func, ast.Call) and not awaited and calls.awaited(name) == "thread":
            return
        found = self._callee(module, call, name, nested, owner)
        if found:
            there, function, its_owner = found
            is_async = isinstance(function, ast.AsyncFunctionDef)
            wrapped = any(calls.awaited(there.dotted(d)) == "thread" for d in function.decorator_list)
            if not is_async and any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in own_nodes(function)):
                return  # a generator does nothing yet when it is called
            if wrapped:
                work.threads.append(Spot(module.file, call.lineno, name))
            elif depth < DEEPEST:
                inside = scope if function in nested.values() else None
                work.add(self.work(there, function, its_owner, depth + 1, inside), is_async)
            return
        spot = Spot(module.file, call.lineno, name)
        if awaited:
            self._sort(work, spot)
        elif instead := calls.blocking(name):
            work.blocks.append(Spot(module.file, call.lineno, name, instead))
        elif calls.runs_query(name):
            work.queries.append(spot)
        elif calls.reads_file(name):
            work.files.append(spot)
        elif name in ("list", "len", "tuple", "set", "sorted", "bool") and call.args:
            self._iterates(work, module, call.args[0], scope)

    def _callee(
        self, module: Module, call: ast.Call, name: str, nested: dict[str, Function], owner: str
    ) -> tuple[Module, Function, str] | None:
        """The project's own function behind a call."""
        if isinstance(call.func, ast.Name) and call.func.id in nested:
            return module, nested[call.func.id], owner
        if owner and name == f"self.{name[5:]}" and f"{owner}.{name[5:]}" in module.functions:
            return module, module.functions[f"{owner}.{name[5:]}"], owner
        found = self.code.find(name) if "." in name else None
        if found and found[1] in found[0].functions:
            return found[0], found[0].functions[found[1]], found[1].rpartition(".")[0]
        return None

    def _iterates(self, work: Work, module: Module, node: ast.expr, scope: dict[str, str]) -> None:
        name = module.dotted(node, scope)
        if calls.is_lazy(name):
            work.queries.append(Spot(module.file, node.lineno, name))

    def _sort(self, work: Work, spot: Spot) -> None:
        kind = calls.awaited(spot.name)
        if kind == "waits":
            work.waits.append(spot)
        elif kind == "thread":
            work.threads.append(spot)
        elif kind == "unknown":
            work.unknown.append(spot)


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """What a function itself runs: nested functions and lambdas are named but not entered."""
    waiting = list(getattr(function, "body", []))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting.extend(children(node))


def _awaited(body: list[ast.AST], module: Module, scope: dict[str, str]) -> Iterator[int]:
    """Ids of the calls whose result is awaited, by itself or by gather and its like."""
    for node in body:
        if isinstance(node, ast.Await | ast.AsyncFor):
            yield id(node.value if isinstance(node, ast.Await) else node.iter)
        elif isinstance(node, ast.comprehension) and node.is_async:
            yield id(node.iter)
        elif isinstance(node, ast.AsyncWith):
            yield from (id(item.context_expr) for item in node.items)
        elif isinstance(node, ast.Call) and calls.awaited(module.dotted(node.func, scope)) in ("combines", "thread"):
            yield from (id(inner) for argument in node.args for inner in ast.walk(argument) if isinstance(inner, ast.Call))
