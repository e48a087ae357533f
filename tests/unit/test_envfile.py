"""The env file: whatever a value has in it, a shell and the launcher read the same; its id tells no value."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rendering import envfile
from rendering.identity import short_hash
from targets.common.inside import read_env

NASTY = {
    "EMPTY": "",
    "SPACES": "  two  words ",
    "SINGLE": "it's",
    "DOUBLE": 'say "hi"',
    "BOTH": "'\"'\"'",
    "DOLLAR": "$HOME ${PATH} $(id) `id`",
    "HASH": "a#b # c",
    "EQUALS": "a=b=c",
    "NEWLINE": "one\ntwo\n\nthree",
    "NEWLINE_END": "one\n",
    "CRLF": "one\r\ntwo\rthree",
    "TAB": "a\tb",
    "BACKSLASH": "C:\\new\\$x\\",
    "BACKSLASH_NEWLINE": "a\\\nb",
    "UNICODE": "žluťoučký 🐎 \u2028 x",
    "GLOB": "* ? [a] ~",
    "SHELL": "; rm -rf / & | > x",
    "PERCENT": "%s %%",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "nasty.env"
    path.write_bytes(envfile.render(NASTY).encode())
    return path


def test_the_launcher_reads_every_value_as_it_was(file: Path) -> None:
    assert read_env(str(file)) == NASTY


def test_a_shell_reads_every_value_as_it_was(file: Path) -> None:
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    shell = ["/bin/sh", "-c", 'set -a; . "$0"; exec "$1" -c "$2"', str(file), sys.executable, show]
    output = subprocess.run(shell, check=True, capture_output=True, text=True, env={}).stdout
    assert {key: value for key, value in json.loads(output).items() if key in NASTY} == NASTY


def test_names_are_sorted_so_that_the_file_does_not_depend_on_order() -> None:
    assert envfile.render({"B": "2", "A": "1"}) == "A=1\nB=2\n"


def test_the_id_is_ten_hex_digits_and_does_not_depend_on_order() -> None:
    one, other = envfile.digest({"A": "1", "B": "2"}), envfile.digest({"B": "2", "A": "1"})
    assert one == other
    assert len(one) == 10
    assert int(one, 16) >= 0


@pytest.mark.parametrize("name", NASTY)
def test_the_id_changes_with_any_value(name: str) -> None:
    assert envfile.digest({**NASTY, name: NASTY[name] + "x"}) != envfile.digest(NASTY)


def test_the_id_changes_with_a_name_and_with_one_more() -> None:
    seen = {envfile.digest(values) for values in ({}, {"A": "1"}, {"B": "1"}, {"A": "1", "B": ""}, {"A": "1\nB="})}
    assert len(seen) == 5


def test_the_id_of_the_same_values_is_the_same_for_ever() -> None:
    """Another id is another instance: who changes how it is made restarts every site there is."""
    assert envfile.digest({"LEVEL": "1", "SECRET_KEY": "k" * 50}) == "cbb8c9352d"


def test_an_identity_is_short_stable_and_tells_everything_apart() -> None:
    assert short_hash("a", {"x": 1, "y": 2}) == short_hash("a", {"y": 2, "x": 1}) == "a388a20392"
    assert (
        len({short_hash("ab"), short_hash("a", "b"), short_hash(["a", "b"]), short_hash("a"), short_hash(1), short_hash("1")})
        == 6
    )
