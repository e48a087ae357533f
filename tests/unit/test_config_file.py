"""A config file that somebody has just edited by hand: what is wrong with it is told before any engine is asked."""

from pathlib import Path

import pytest

from ops.config_file import expect_readable
from ops.errors import BadConfig

GOOD = "config:\n  gateway:app:\n    name: shop\n  gateway:interface: wsgi\n"


def told(folder: Path, text: str | bytes) -> str:
    path = folder / "Pulumi.dev.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadConfig) as refused:
        expect_readable(folder, "dev")
    assert refused.value.status == 2
    return str(refused.value)


def test_a_good_file_an_empty_one_and_none_are_fine(tmp_path: Path) -> None:
    for text in (GOOD, "", "config:\n", "encryptionsalt: v1:x\n"):
        (tmp_path / "Pulumi.dev.yaml").write_text(text)
        expect_readable(tmp_path, "dev")
        expect_readable(tmp_path, "organization/gateway/dev")
    expect_readable(tmp_path, "none")


def test_a_key_that_is_there_twice_is_told_with_its_line_and_without_its_value(tmp_path: Path) -> None:
    message = told(tmp_path, GOOD + "  gateway:interface: hunter2\n")
    assert message.startswith('Pulumi.dev.yaml, line 5: found duplicate key "gateway:interface"; way out: ')
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("line", "number"), [("  gateway:env: {A: [", 6), ("\tgateway:workers: 3", 5), ("  gateway:domains: a: b", 5)]
)
def test_what_is_no_yaml_is_told_with_its_line(tmp_path: Path, line: str, number: int) -> None:
    assert told(tmp_path, f"{GOOD}{line}\n").startswith(f"Pulumi.dev.yaml, line {number}: ")


@pytest.mark.parametrize("text", ["- a\n- b\n", "config: [a, b]\n", "just words\n"])
def test_what_is_no_map_of_keys_is_told(tmp_path: Path, text: str) -> None:
    assert "a map of keys is wanted" in told(tmp_path, text)


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, b"config:\n  \xff\xfe: 1\n").startswith("Pulumi.dev.yaml: ")
