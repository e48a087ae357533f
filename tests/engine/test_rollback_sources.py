"""Where the code came from is gone or is another by now: going back does not ask it, on Docker and on hosts."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.walk import people
from tests import revealing, seven
from tests.deployment import Deployment

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(deploy_anywhere: Callable[[str], Deployment]) -> Deployment:
    """A site that serves nothing yet."""
    made = deploy_anywhere("sourced")
    revealing.install(made)
    seven.requirement(made, "six==1.17.0")
    made.config |= {"drainSeconds": 3, "keepReleases": 8, "health": {"timeout": 60}}
    return made


@pytest.fixture(scope="module")
def git(site: Deployment) -> Callable[..., str]:
    """Git in the project's own repository, which is the source."""

    def run(*command: str) -> str:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main")
        done = subprocess.run(["git", *who, *command], cwd=site.source, capture_output=True, text=True, check=True)
        return done.stdout

    run("init", "--quiet")
    return run


def serves(site: Deployment) -> set[str]:
    """Which code answers, over all places."""
    return {site.tells("/facts/", url)["code"] for url in site.urls}


def goes_back(site: Deployment) -> None:
    """One step, and nobody notices."""
    with people(site) as loads:
        site.must_rollback()
    assert [load.report.failed for load in loads] == [0] * len(loads), [load.report.summary() for load in loads]


def test_what_was_never_committed_comes_back_too_and_the_work_of_today_stays(site: Deployment, git: Callable[..., str]) -> None:
    revealing.code(site, "committed")
    git("add", "--all")
    git("commit", "--quiet", "--message", "one")
    site.must_up()
    revealing.code(site, "never committed")
    site.must_up()
    git("checkout", "--quiet", ".")
    revealing.code(site, "committed later")
    git("commit", "--quiet", "--all", "--message", "two")
    site.must_up()
    (site.source / "work-in-progress.txt").write_text("of today\n")
    revealing.code(site, "half done")

    goes_back(site)
    assert serves(site) == {"never committed"}
    goes_back(site)
    assert serves(site) == {"committed"}
    assert git("status", "--porcelain").split() == ["M", "store/facts.py", "??", "work-in-progress.txt"]
    assert git("diff", "HEAD", "--stat").count("facts.py") == 1
    assert "'half done'" in (site.source / "store/facts.py").read_text()


def test_a_commit_comes_back_when_its_repository_is_gone(site: Deployment, git: Callable[..., str], tmp_path: Path) -> None:
    git("checkout", "--quiet", "--force", ".")
    repository = tmp_path / "shop.git"
    for release in ("v1", "v2"):
        revealing.code(site, release)
        git("commit", "--quiet", "--all", "--message", release)
        git("tag", release)
    git("clone", "--quiet", "--bare", ".", str(repository))
    revealing.code(site, "in the folder only")
    for release in ("v1", "v2"):
        site.must_up(app={"name": site.app, "source": repository.as_uri(), "ref": release})
        assert serves(site) == {release}
    repository.rename(tmp_path / "gone")

    goes_back(site)
    assert serves(site) == {"v1"}
    assert "nothing to do" in site.again().out, "which does not ask the repository either"
    assert site.would_change() == ""
