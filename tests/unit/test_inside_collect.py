"""Collected static files: a compressed twin beside those whose names never mean anything else."""

import gzip
from pathlib import Path

import pytest

from targets.common import inside

TEXT = b"body { color: black }\n" * 100


def compressed(tmp_path: Path, name: str, content: bytes = TEXT) -> Path:
    aside, files = tmp_path / "aside", tmp_path / "files"
    for folder in (aside, files):
        folder.mkdir(exist_ok=True)
    (aside / name).write_bytes(content)
    inside._compress(aside / name, files / name)
    return files / f"{name}.gz"


def test_a_hashed_file_gets_a_twin_that_is_the_same_when_unpacked_and_each_time(tmp_path: Path) -> None:
    twin = compressed(tmp_path, "site.0123456789ab.css")
    assert gzip.decompress(twin.read_bytes()) == TEXT
    first = twin.read_bytes()
    twin.unlink()
    assert compressed(tmp_path, "site.0123456789ab.css").read_bytes() == first
    assert twin.stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize(
    ("name", "content"),
    [("site.css", TEXT), ("cat.0123456789ab.png", TEXT), ("a.0123456789ab.css", b"a {}")],
    ids=["its-name-may-be-used-again", "is-compressed-already", "too-small"],
)
def test_other_files_get_none(tmp_path: Path, name: str, content: bytes) -> None:
    assert not compressed(tmp_path, name, content).exists()


def test_a_twin_that_is_there_is_left_alone(tmp_path: Path) -> None:
    twin = compressed(tmp_path, "site.0123456789ab.css")
    before = twin.stat().st_mtime_ns, twin.stat().st_ino
    compressed(tmp_path, "site.0123456789ab.css")
    assert (twin.stat().st_mtime_ns, twin.stat().st_ino) == before
