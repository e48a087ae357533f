"""A git source: exactly the files of the commit that the ref names, fetched from a real repository."""

from collections.abc import Callable
from pathlib import Path

import pytest

from settings import ConfigErrors
from settings.source import Source, open_source
from tests.unit.conftest import write

Git = Callable[..., str]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def repository(tmp_path: Path, git: Git) -> str:
    """URL of a bare repository with two commits on main, a tag on the first and a branch whose name ends in main."""
    write(tmp_path / "work", {"manage.py": "1", "shop/wsgi.py": "w", "kept.log": "tracked all the same", "docs/a.md": "a"})
    write(tmp_path / "work", {".gitignore": "*.log\n", ".gitattributes": "docs export-ignore\n"})
    (tmp_path / "work/manage.py").chmod(0o755)
    git("add", "--force", "--all")
    git("commit", "--quiet", "--message", "one")
    git("tag", "--annotate", "v1", "--message", "v1")
    write(tmp_path / "work", {"manage.py": "2"})
    git("commit", "--quiet", "--all", "--message", "two")
    git("branch", "z/main", "v1^{}")
    git("clone", "--quiet", "--bare", ".", "../shop.git")
    write(tmp_path / "work", {"uncommitted.py": "x", "manage.py": "3"})
    return (tmp_path / "shop.git").as_uri()


def test_a_branch_gives_exactly_the_files_of_its_commit(repository: str) -> None:
    source = open_source(repository, "main")
    assert source.files == (".gitattributes", ".gitignore", "docs/a.md", "kept.log", "manage.py", "shop/wsgi.py")
    assert source.text("manage.py") == "2"


def test_a_branch_is_not_mistaken_for_another_whose_name_ends_like_it(repository: str) -> None:
    assert open_source(repository, "z/main").text("manage.py") == "1"
    assert open_source(repository, "main").text("manage.py") == "2"


def test_an_annotated_tag_gives_the_commit_that_it_names(repository: str, git: Git) -> None:
    source = open_source(repository, "v1")
    assert source.text("manage.py") == "1"
    assert source.root.name == git("rev-parse", "v1^{}")


def test_a_full_commit_gives_that_commit(repository: str, git: Git) -> None:
    first = git("rev-parse", "v1^{}")
    source = open_source(repository, first)
    assert source.text("manage.py") == "1"
    assert source.root == Path(".gateway/sources", first)


def test_executable_bits_come_along(repository: str) -> None:
    source = open_source(repository, "main")
    assert (source.root / "manage.py").stat().st_mode & 0o111
    assert not (source.root / "shop/wsgi.py").stat().st_mode & 0o111


def test_the_same_files_are_the_same_release_from_a_folder_and_from_git(repository: str, git: Git) -> None:
    git("checkout", "--quiet", "--force", "main")
    git("clean", "--quiet", "--force")
    folder = Source(Path("work"), exact=True)
    assert [name for name in folder.files if not name.startswith(".git/")] == list(open_source(repository, "main").files)


def test_a_branch_that_moved_gives_its_new_commit(repository: str, git: Git) -> None:
    before = open_source(repository, "main").digest
    git("commit", "--quiet", "--all", "--message", "three")
    git("push", "--quiet", "../shop.git", "main")
    after = open_source(repository, "main")
    assert after.text("manage.py") == "3"
    assert after.digest != before


def test_a_commit_is_fetched_once(repository: str, git: Git, tmp_path: Path) -> None:
    commit = git("rev-parse", "main")
    first = open_source(repository, commit)
    (tmp_path / "shop.git").rename(tmp_path / "gone.git")
    assert open_source(repository, commit).digest == first.digest
    assert [path.name for path in Path(".gateway/sources").iterdir()] == [commit]


def test_a_folder_with_a_ref_gives_the_commit_and_not_what_lies_around(repository: str) -> None:
    source = open_source("work", "main")
    assert source.text("manage.py") == "2"
    assert "uncommitted.py" not in source.files


def test_a_folder_without_a_ref_gives_what_lies_around(repository: str) -> None:
    source = open_source("work", None)
    assert source.text("manage.py") == "3"
    assert "uncommitted.py" in source.files
    assert "kept.log" not in source.files


@pytest.mark.parametrize("ref", ["nosuch", "mai", "ain", "abc1234"])
def test_a_ref_that_the_repository_does_not_have_is_refused(repository: str, ref: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        open_source(repository, ref)
    (error,) = caught.value.errors
    assert error.key == "app.ref"
    assert error.got == f"'{ref}', which {repository} does not have"
    assert error.takes == "a branch, tag or full commit"


def test_a_commit_that_the_repository_does_not_have_is_refused_and_leaves_nothing(repository: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        open_source(repository, "0" * 40)
    (error,) = caught.value.errors
    assert (error.key, error.takes) == ("app.ref", "a ref of app.source")
    assert list(Path(".gateway/sources").iterdir()) == []


def test_a_repository_that_cannot_be_read_is_refused_with_the_words_of_git(tmp_path: Path) -> None:
    url = (tmp_path / "nowhere.git").as_uri()
    with pytest.raises(ConfigErrors) as caught:
        open_source(url, "main")
    (error,) = caught.value.errors
    assert error.key == "app.source"
    assert error.got.startswith(f"'{url}', which git cannot read (")
