"""Which files of a folder make a release, and what changes its digest."""

import os
import subprocess
from pathlib import Path

import pytest

from settings import ConfigErrors
from settings.source import Source, open_source
from tests.unit.conftest import write

FILES = {"manage.py": "m", "shop/wsgi.py": "w"}


def files(root: Path, more: dict[str, str]) -> set[str]:
    return set(Source(write(root, {**FILES, **more})).files)


def test_every_file_of_a_folder_belongs_to_the_release(tmp_path: Path) -> None:
    assert Source(write(tmp_path, FILES)).files == ("manage.py", "shop/wsgi.py")


@pytest.mark.parametrize(
    "clutter", [".git/HEAD", "shop/__pycache__/a.pyc", "a.pyc", ".venv/bin/python", "venv/x", ".mypy_cache/x", ".gateway/x"]
)
def test_clutter_never_belongs_to_it(tmp_path: Path, clutter: str) -> None:
    assert files(tmp_path, {clutter: "x", ".gitignore": "!*\n!.git/\n"}) == {*FILES, ".gitignore"}


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        ("*.log", {"keep.txt", "logs/a.txt", "shop/b.txt"}),
        ("logs/", {"keep.txt", "shop/a.log", "shop/b.txt"}),
        ("/a.log\n", {"keep.txt", "logs/a.txt", "shop/a.log", "shop/b.txt"}),
        ("*.txt\n!keep.txt\n", {"keep.txt", "shop/a.log"}),
        ("# *.log\n\n", {"keep.txt", "logs/a.txt", "shop/a.log", "shop/b.txt"}),
    ],
)
def test_gitignore_is_honoured(tmp_path: Path, ignore: str, left: set[str]) -> None:
    more = {"keep.txt": "", "logs/a.txt": "", "shop/a.log": "", "shop/b.txt": "", ".gitignore": ignore}
    assert files(tmp_path, more) == {*FILES, ".gitignore", *left}


def test_a_gitignore_further_down_counts_below_it_only(tmp_path: Path) -> None:
    more = {"shop/.gitignore": "*.log\n", "shop/a.log": "", "shop/deep/a.log": "", "a.log": ""}
    assert files(tmp_path, more) == {*FILES, "shop/.gitignore", "a.log"}


def test_a_gitignore_further_down_may_take_back_what_one_above_ignores(tmp_path: Path) -> None:
    more = {".gitignore": "*.log\n", "shop/.gitignore": "!keep.log\n", "shop/keep.log": "", "shop/a.log": "", "keep.log": ""}
    assert files(tmp_path, more) == {*FILES, ".gitignore", "shop/.gitignore", "shop/keep.log"}


def test_the_files_are_those_that_git_itself_would_add(tmp_path: Path) -> None:
    ignores = {".gitignore": "*.log\n/build/\n!keep.log\n**/tmp\n", "a/.gitignore": "!x.log\nlocal.py\n"}
    ignores["a/b/.gitignore"] = "*.log\n"
    more = ["x.log", "keep.log", "build/x", "a/build/x", "a/x.log", "a/b/x.log", "a/local.py", "a/tmp/x", "a/b/keep.log"]
    found = files(tmp_path, {**ignores, **dict.fromkeys(more, "")})
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    listed = subprocess.run(
        ["git", "-c", f"core.excludesFile={os.devnull}", "-C", str(tmp_path), "ls-files", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert found == set(listed.stdout.split())


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        ("media", {"shop/static/media/logo.svg", "docs/a.md"}),
        ("/media/\n", {"shop/static/media/logo.svg", "docs/a.md"}),
        ("**/media", {"docs/a.md"}),
        ("docs/*.md", {"media/upload.png", "shop/static/media/logo.svg"}),
    ],
)
def test_dockerignore_starts_at_the_root_as_docker_reads_it(tmp_path: Path, ignore: str, left: set[str]) -> None:
    more = {"media/upload.png": "", "shop/static/media/logo.svg": "", "docs/a.md": "", ".dockerignore": ignore}
    assert files(tmp_path, more) == {*FILES, ".dockerignore", *left}


def test_dockerignore_may_name_what_is_wanted_instead(tmp_path: Path) -> None:
    more = {".dockerignore": "*\n!manage.py\n!shop/wsgi.py\n", "other/a": "", "shop/b": ""}
    assert files(tmp_path, more) == set(FILES)


def test_a_dockerignore_further_down_is_a_file_like_any_other(tmp_path: Path) -> None:
    assert "manage.py" in files(tmp_path, {"shop/.dockerignore": "*"})
    assert "shop/wsgi.py" in Source(tmp_path).files


def test_a_dockerfile_that_dockerignore_names_is_still_there_to_build_from(tmp_path: Path) -> None:
    assert "Dockerfile" in files(tmp_path, {"Dockerfile": "FROM x", ".dockerignore": "Dockerfile\n.dockerignore\n"})


def test_a_file_that_is_ignored_is_not_read_either(tmp_path: Path) -> None:
    source = Source(write(tmp_path, {**FILES, ".gitignore": "local.txt", "local.txt": "x"}))
    assert source.text("local.txt") is None
    assert source.text("manage.py") == "m"
    assert source.text("./shop/wsgi.py") == "w"
    assert source.text("shop") is None


def test_links_are_kept_as_links_and_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"real/a": "x"})
    (tmp_path / "linked").symlink_to("real")
    assert Source(tmp_path).files == ("linked", "real/a")


def digest(root: Path) -> str:
    return Source(root).digest


def test_the_digest_stays_when_only_times_change(tmp_path: Path) -> None:
    before = digest(write(tmp_path, FILES))
    os.utime(tmp_path / "manage.py", (1, 1))
    assert digest(tmp_path) == before


def test_the_digest_stays_when_an_ignored_file_changes(tmp_path: Path) -> None:
    before = digest(write(tmp_path, {**FILES, ".gitignore": "db", "db": "1"}))
    write(tmp_path, {"db": "2"})
    assert digest(tmp_path) == before


def test_the_digest_is_the_same_in_another_folder(tmp_path: Path) -> None:
    assert digest(write(tmp_path / "a", FILES)) == digest(write(tmp_path / "b", FILES))


def test_the_digest_changes_with_content_name_executable_bit_and_link(tmp_path: Path) -> None:
    root = write(tmp_path, FILES)
    seen = [digest(root)]
    write(root, {"manage.py": "other"})
    seen.append(digest(root))
    (root / "manage.py").chmod(0o755)
    seen.append(digest(root))
    (root / "manage.py").rename(root / "manage2.py")
    seen.append(digest(root))
    (root / "link").symlink_to("manage2.py")
    seen.append(digest(root))
    (root / "link").unlink()
    (root / "link").symlink_to("shop")
    seen.append(digest(root))
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("what", ["nowhere", "file", "empty"])
def test_a_source_without_files_is_refused(tmp_path: Path, what: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigErrors) as caught:
        open_source(str(tmp_path / what), None)
    (error,) = caught.value.errors
    assert error.key == "app.source"
    assert str(tmp_path / what) in error.got
