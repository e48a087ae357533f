"""What only the CLI can do is refused by its name, with the way out, and before anything is touched."""

from collections.abc import Callable
from pathlib import Path

import pulumi
import pulumi_docker as docker
import pytest
from pulumi_command import local

from embedded.stack import EmbeddedStack
from tests.embedded.conftest import Listener

Make = Callable[..., EmbeddedStack]


def command(**options: object) -> Callable[[], object]:
    return lambda: local.Command("one", create="touch done", opts=pulumi.ResourceOptions(**options))  # type: ignore[arg-type]


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "aliases": (command(aliases=[pulumi.Alias(name="old")]), "aliases"),
    "import": (command(import_="id"), "import option"),
    "timeouts": (command(custom_timeouts=pulumi.CustomTimeouts(create="5m")), "custom_timeouts option"),
    "assets": (lambda: local.Command("one", create="touch done", asset_paths=["*"]), "Command option assetPaths"),
    "functions": (lambda: local.run_output(command="touch done"), "function command:local:run"),
    "another type": (lambda: docker.Secret("one", data="x"), "driver for resources of type docker:index/secret:Secret"),
    "another option": (lambda: docker.Network("one", name="x", attachable=True), "Docker option attachable"),
    "a stack reference": (lambda: pulumi.StackReference("organization/other/dev"), "lookup of existing resources"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_named_and_nothing_is_done(make_stack: Make, listener: Listener, what: str) -> None:
    program, words = REFUSED[what]
    stack = make_stack()
    stack.create()
    done = stack.up(program, listener)
    assert any(f"the embedded engine has no {words}" in error for error in done.errors), done.errors
    assert "way out: put the Pulumi CLI on PATH" in done.errors[0]
    assert not Path("done").exists()


def test_a_program_that_breaks_is_a_failed_update_with_its_own_words(make_stack: Make, listener: Listener) -> None:
    def program() -> None:
        local.Command("one", create="true")
        raise ValueError("a slip of the pen")

    stack = make_stack()
    stack.create()
    done = stack.up(program, listener)
    assert done.errors[0].startswith("the program failed: a slip of the pen")
    assert stack.history()[0]["result"] == "failed"


def test_expected_errors_have_no_traceback(make_stack: Make, listener: Listener) -> None:
    def program() -> None:
        raise pulumi.RunError("config small:app: got nothing; takes a name")

    stack = make_stack()
    stack.create()
    assert stack.up(program, listener).errors == ("config small:app: got nothing; takes a name",)


def test_what_nobody_depends_on_still_ends_when_something_fails(make_stack: Make, listener: Listener) -> None:
    """A step that is at work is not torn off: its result is in the state."""

    def program() -> None:
        local.Command("slow", create="until test -e failed; do sleep 0.02; done; touch done")
        local.Command("fails", create="until test -e log; do sleep 0.02; done; touch failed; exit 1")
        local.Command("starts", create="touch log")

    stack = make_stack()
    stack.create()
    done = stack.up(program, listener)
    assert len(done.errors) == 1
    assert Path("done").exists()
    names = [row["urn"].split("::")[-1] for row in stack.export()["deployment"]["resources"]]
    assert "slow" in names
    assert "fails" not in names
