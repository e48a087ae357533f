"""Small programs, a few rounds each. What is recorded of them on the real CLI is in ``recorded/``.

A round is one update (or preview, or destroy) of a program. Commands note what they do in the file that CONFORMANCE_LOG names;
``fails`` makes one exit with status 1 after its note.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pulumi
from pulumi_command import local

Kind = Literal["up", "preview", "destroy", "destroy-protected"]


@dataclass(frozen=True)
class Round:
    """One run of the engine."""

    program: Callable[[], object]
    kind: Kind = "up"


@dataclass(frozen=True)
class Case:
    """A story in rounds on one stack."""

    name: str
    rounds: tuple[Round, ...]
    ordered: bool = True
    """Whether the order of steps is one: what is independent of one another is at work in any order."""


def command(
    name: str, *, fails: str = "", noted: str = "", opts: pulumi.ResourceOptions | None = None, **args: Any
) -> local.Command:
    """A Command with create, update and delete that note themselves; ``fails`` names those that fail."""

    def text(verb: str) -> str:
        return f'echo {verb} {name} {noted}>> "$CONFORMANCE_LOG"{"; exit 1" if verb in fails.split() else ""}'

    texts = {verb: text(verb) for verb in ("create", "update", "delete")}
    given = {**{verb: f"{value}; echo {verb}d {name}" for verb, value in texts.items()}, **args}
    return local.Command(name, **{key: value for key, value in given.items() if value is not None}, opts=opts)


class Box(pulumi.ComponentResource):
    """A component with one child."""

    def __init__(self, name: str, told: str = "told", opts: pulumi.ResourceOptions | None = None, **args: Any) -> None:
        super().__init__("conformance:index:Box", name, None, opts)
        self.inner = command(f"{name}-inner", opts=pulumi.ResourceOptions(parent=self), **args)
        self.register_outputs({"told": told, "inner": self.inner.stdout})


def options(**given: Any) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(**given)


def nothing() -> None:
    """A program without resources."""


def one(**args: Any) -> Callable[[], object]:
    return lambda: command("one", **args)


def chain(first: dict[str, Any], second: dict[str, Any], third: dict[str, Any] | None = None) -> Callable[[], object]:
    """Each reads what the one before printed."""

    def program() -> None:
        a = command("a", **first)
        b = command("b", stdin=a.stdout, **second)
        if third is not None:
            command("c", opts=options(depends_on=[b]), **third)
        pulumi.export("last", b.stdout)
        pulumi.export("fixed", "text")

    return program


def instance(id_: str, **args: Any) -> Callable[[], object]:
    """This project's own pattern: the id in the name, a switch that stays, the old one deleted last."""

    def program() -> None:
        made = command(f"instance-{id_}", **args)
        switch = command("switch", stdin=id_, opts=options(depends_on=[made]))
        pulumi.export("serving", switch.stdout)

    return program


def box(name: str = "box", **args: Any) -> Callable[[], object]:
    return lambda: pulumi.export("box", Box(name, **args).inner.stdout)


def secretive(value: str, **args: Any) -> Callable[[], object]:
    def program() -> None:
        made = command("one", stdin=pulumi.Output.secret(value), opts=options(additional_secret_outputs=["stderr"]), **args)
        pulumi.export("out", made.stdout)
        pulumi.export("hidden", pulumi.Output.secret(value))

    return program


def replaced(value: str, *, first: bool | None = None, follower: bool = False, **args: Any) -> Callable[[], object]:
    """A replacement by trigger; the follower is replaced with it, by its own trigger."""

    def program() -> None:
        made = command("one", triggers=[value], opts=options(delete_before_replace=first), **args)
        if follower:
            command("two", triggers=[made.stdout, made.id])
        command("three", stdin=made.stdout)

    return program


def guarded(value: str, protect: bool) -> Callable[[], object]:
    return lambda: command("one", triggers=[value], opts=options(protect=protect))


def keeping(*names: str, **opts: Any) -> Callable[[], object]:
    return lambda: [command(name, opts=options(**opts)) for name in names]


def half_protected() -> None:
    """One that may not be deleted, with what it needs, and one that may."""
    base = command("base")
    command("kept", stdin=base.stdout, opts=options(protect=True))
    command("gone")


def exports(**values: Any) -> Callable[[], object]:
    return lambda: [pulumi.export(name, value) for name, value in values.items()]


def ignored(text: str, shell: str = "-c") -> Callable[[], object]:
    return one(stdin=text, interpreter=["/bin/sh", shell], opts=options(ignore_changes=["stdin"]))


def pair(**second: Any) -> Callable[[], object]:
    """Two that know nothing of each other."""

    def program() -> None:
        command("one")
        command("two", **second)

    return program


def tree(*, failing: bool = False, root: str = "") -> Callable[[], object]:
    """One root, two branches, a leaf that needs both."""

    def program() -> None:
        top = command("root", noted=root)
        left = command("left", stdin=top.stdout, fails="create" if failing else "")
        right = command("right", stdin=top.stdout, opts=options(depends_on=[left]))
        command("leaf", stdin=pulumi.Output.concat(left.stdout, right.stdout))

    return program


def case(name: str, *rounds: Callable[[], object] | tuple[Callable[[], object], Kind], ordered: bool = True) -> Case:
    return Case(name, tuple(Round(*each) if isinstance(each, tuple) else Round(each) for each in rounds), ordered)


PLAIN: dict[str, Any] = {}
CASES = (
    case("create and nothing more to do", one(), one()),
    case("update in place", one(), one(noted="new ")),
    case("without an update text create runs again", one(update=None), one(update=None, noted="new ")),
    case("a changed delete text is an update", one(), one(delete="true")),
    case("what is not asked for is deleted", pair(), one(), ordered=False),
    case("destroy", chain(PLAIN, PLAIN, PLAIN), (chain(PLAIN, PLAIN, PLAIN), "destroy")),
    case("a trigger replaces, create before delete", replaced("1"), replaced("2")),
    case("a trigger that is new replaces", one(), replaced("1")),
    case("a trigger that goes replaces", replaced("1"), one()),
    case("delete before replace", replaced("1", first=True), replaced("2", first=True)),
    case(
        "delete before replace takes dependants with it",
        replaced("1", first=True, follower=True),
        replaced("2", first=True, follower=True),
        ordered=False,
    ),
    case(
        "a replacement replaces what its output triggers",
        replaced("1", follower=True),
        replaced("2", follower=True),
        ordered=False,
    ),
    case("a failed create stores nothing", one(fails="create"), one()),
    case("a failed create stops its dependants", chain(PLAIN, {"fails": "create"}, PLAIN), chain(PLAIN, PLAIN, PLAIN)),
    case("a failed update keeps the old inputs", one(), one(noted="new ", fails="update"), one()),
    case("a failed update is tried again", one(), one(noted="new ", fails="update"), one(noted="new ")),
    case("a failed step deletes nothing", pair(), one(noted="new ", fails="update"), one(), ordered=False),
    case("a failed replacement keeps the old one", replaced("1"), replaced("2", fails="create"), replaced("2")),
    case("a failed replacement that is taken back", replaced("1"), replaced("2", fails="create"), replaced("1")),
    case(
        "a failed create after delete before replace",
        replaced("1", first=True),
        replaced("2", first=True, fails="create"),
        replaced("2", first=True),
    ),
    case(
        "a pending replacement that is not wanted any more",
        replaced("1", first=True),
        replaced("2", first=True, fails="create"),
        nothing,
    ),
    case("a failed delete is tried again", pair(fails="delete"), one(), one(), ordered=False),
    case("a failed delete of a replaced one", replaced("1", fails="delete"), replaced("2"), replaced("2")),
    case("the instance pattern", instance("1"), instance("2"), instance("1")),
    case("an instance that fails to start", instance("1"), instance("2", fails="create"), instance("1")),
    case(
        "outputs after a failure keep what is not known", chain(PLAIN, PLAIN), chain({"noted": "new ", "fails": "update"}, PLAIN)
    ),
    case("secrets stay secret", secretive("hush"), secretive("hush"), secretive("hush hush")),
    case("a protected resource is not deleted", keeping("one", "two", protect=True), keeping("one", protect=True), ordered=False),
    case("a protected resource stops no other delete", half_protected, nothing, ordered=False),
    case("a protected resource is not replaced", guarded("1", True), guarded("2", True)),
    case("unprotected and replaced at once", guarded("1", True), guarded("2", False)),
    case("destroy keeps what is protected", half_protected, (half_protected, "destroy-protected"), ordered=False),
    case("retain on delete", keeping("one", "two", retain_on_delete=True), keeping("one", retain_on_delete=True), ordered=False),
    case("ignored changes", ignored("1"), ignored("2")),
    case("ignored changes beside others", ignored("1"), ignored("2", "-ec")),
    case("a component and its child", box(), box()),
    case("a component tells something else", box(), box(told="else")),
    case("a component is renamed", box("old"), box("new")),
    case("a child that fails leaves its component", box(fails="create"), box()),
    case("outputs come and go", exports(a="1", b=[1, {"c": None}]), exports(b=2, d=None)),
    case("a tree", tree(), tree(root="new ")),
    case("a tree that fails in one branch", tree(failing=True), tree()),
    case("preview of a first update", (chain(PLAIN, PLAIN, PLAIN), "preview")),
    case("preview of nothing to do", chain(PLAIN, PLAIN), (chain(PLAIN, PLAIN), "preview")),
    case("preview of an update whose output is not known", chain(PLAIN, PLAIN), (chain({"noted": "new "}, PLAIN), "preview")),
    case("preview of a replacement", replaced("1", follower=True), (replaced("2", follower=True), "preview"), ordered=False),
    case(
        "preview of delete before replace",
        replaced("1", first=True, follower=True),
        (replaced("2", first=True, follower=True), "preview"),
        ordered=False,
    ),
    case("preview of the instance pattern", instance("1"), (instance("2"), "preview")),
    case(
        "previous output in the environment",
        one(update="echo was $PULUMI_COMMAND_STDOUT"),
        one(update="echo now $PULUMI_COMMAND_STDOUT"),
    ),
    case(
        "replace on changes",
        one(stdin="1", opts=options(replace_on_changes=["stdin"])),
        one(stdin="2", opts=options(replace_on_changes=["stdin"])),
    ),
    case("two of one name", lambda: command("one", opts=options(depends_on=[command("one")]))),
)
