"""Bringing a config back: only what differs is written, and no secret is written in the clear or without need."""

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops import stack_config
from ops.cli import Stack
from ops.errors import Failed
from ops.stack_config import Difference, difference, restored
from ops.workspace import Workspace

SECRETS = frozenset({"secrets"})


class Cli(Stack):
    """Writes down what is asked of Pulumi's command line, without the file, to which it adds a line each time."""

    def __init__(self, root: Path, *, dies_at: int = 0) -> None:
        super().__init__(root=None, workspace=Workspace(root, {}), name="dev")
        object.__setattr__(self, "asked", [])
        object.__setattr__(self, "dies_at", dies_at)
        self.file.write_text("# a comment\n")

    asked: list[tuple[tuple[str, ...], str | None]]
    dies_at: int

    @property
    def file(self) -> Path:
        return self.workspace.root / "Pulumi.dev.yaml"

    def run(self, *args: str, text: str | None = None) -> str:
        at = args.index("--config-file")
        with Path(args[at + 1]).open("a") as file:
            file.write(f"{args[1]}\n")
        self.asked.append(((*args[:at], *args[at + 2 :]), text))
        if len(self.asked) == self.dies_at:
            raise Failed("killed")
        return ""


def test_only_what_differs_is_written() -> None:
    now = {"interface": "asgi", "workers": "4", "env": {"A": "1"}, "domains": ["a.example"]}
    then = {"interface": "wsgi", "workers": "4", "env": {"A": "2"}, "domains": ["a.example"]}
    assert difference(now, then, SECRETS) == Difference(plain={"interface": "wsgi", "env": {"A": "2"}})
    assert not difference(now, now, SECRETS)


def test_a_secret_that_is_the_same_is_not_written_again() -> None:
    now = {"secrets": {"KEY": "k", "TOKEN": "new", "NEWER": "n"}}
    then = {"secrets": {"KEY": "k", "TOKEN": "old", "GONE": "g"}}
    found = difference(now, then, SECRETS)
    assert found.secrets == {("secrets", "TOKEN"): "old", ("secrets", "GONE"): "g"}
    assert found.removed == (("secrets", "NEWER"),)
    assert found.plain == {}


def test_a_key_that_was_not_there_then_goes() -> None:
    assert difference({"bodyLimitMb": "5"}, {}, SECRETS).removed == (("bodyLimitMb",),)


def test_where_the_site_runs_stays_as_it_is_today_and_so_does_what_is_kept() -> None:
    now = {"hosts": ["new"], "services": {"postgres": True}, "interface": "asgi", "secrets": {"K": "today"}}
    then = {"hosts": ["old"], "services": {}, "interface": "wsgi", "keepReleases": "9"}
    assert restored(now, then, keep=["secrets"]) == {
        "hosts": ["new"],
        "services": {"postgres": True},
        "secrets": {"K": "today"},
        "interface": "wsgi",
    }


def test_secrets_go_in_on_standard_input_and_types_survive(tmp_path: Path) -> None:
    cli: Any = Cli(tmp_path)
    plain = {"env": {"FLAG": "true", "ON": True, "NUMBER": 7, "ZERO": "007"}, "httpPort": "80", "domains": ["a.example"]}
    secrets: dict[tuple[str, ...], str] = {("secrets", "TOKEN"): "two\nlines\n", ("secrets", "odd-name"): "x"}
    stack_config.write(cli, Difference(plain, secrets, (("secrets", "GONE"),)))
    removal, everything, token, odd = cli.asked
    assert removal == (("config", "rm-all", "--path", "gateway:secrets.GONE"), None)
    rows = json.loads(everything[0][3])
    assert rows["gateway:env"] == {"value": json.dumps(plain["env"]), "objectValue": plain["env"], "secret": False}
    assert rows["gateway:httpPort"] == {"value": "80", "secret": False}
    assert token == (("config", "set", "--secret", "--path", "--raw", "gateway:secrets.TOKEN"), "two\nlines\n")
    assert odd[0][-1] == 'gateway:secrets["odd-name"]'
    assert "lines" not in str(everything) + str([args for args, _ in cli.asked])


def test_nothing_to_write_asks_nothing(tmp_path: Path) -> None:
    cli: Any = Cli(tmp_path)
    stack_config.write(cli, Difference())
    assert cli.asked == []


@pytest.mark.parametrize("dies_at", [0, 1, 2, 3])
def test_a_config_is_all_written_or_not_at_all(tmp_path: Path, dies_at: int) -> None:
    cli: Any = Cli(tmp_path, dies_at=dies_at)
    wanted = Difference({"env": {"LEVEL": "1"}}, {("secrets", "TOKEN"): "1"}, (("server",),))
    with pytest.raises(Failed) if dies_at else contextlib.nullcontext():
        stack_config.write(cli, wanted)
    assert cli.file.read_text() == ("# a comment\n" if dies_at else "# a comment\nrm-all\nset-all\nset\n")
    assert list(tmp_path.iterdir()) == [cli.file]


def test_a_difference_shows_no_secret() -> None:
    assert "hidden" not in repr(Difference(secrets={("secrets", "T"): "hidden"}))


def test_the_file_of_a_stack_in_an_organisation_is_named_by_its_last_part(tmp_path: Path) -> None:
    stack: Any = SimpleNamespace(name="org/gateway/prod", workspace=SimpleNamespace(root=tmp_path))
    assert stack_config.file_of(stack) == tmp_path / "Pulumi.prod.yaml"


def test_an_earlier_certificate_never_comes_back_and_what_else_tls_says_does() -> None:
    then = {"tls": {"mode": "files", "certificateFile": "old.pem", "key": "old", "hstsSeconds": 60}}
    now = {"tls": {"mode": "files", "certificate": "new", "keyFile": "new.key", "hstsSeconds": 3600}}
    assert restored(now, then) == {"tls": {"mode": "files", "certificate": "new", "keyFile": "new.key", "hstsSeconds": 60}}
    off = {"tls": {"mode": "off"}}
    assert restored(now, off) == off
