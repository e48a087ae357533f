"""Where the code came from is gone or is another by now: going back does not ask it, on Docker and on hosts."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.load import Load
from tests import revealing
from tests.deployment import Deployment

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", params=["docker", "hosts"])
def site(request: pytest.FixtureRequest, deploy: Callable[..., Deployment]) -> Deployment:
    """A site that serves nothing yet."""
    if request.param == "docker":
        made = deploy("sourced")
    else:
        linux, to_hosts = (request.getfixturevalue(name) for name in ("linux", "deploy_to_hosts"))
        database = request.getfixturevalue("database").url("sourced")
        made = to_hosts("sourced", [linux("sourced0"), linux("sourced1")], database=database)
    revealing.install(made)
    requirements = made.source / "requirements.txt"
    requirements.write_text(requirements.read_text() + "six==1.17.0\n")
    made.config |= {"workers": 1, "drainSeconds": 3, "keepReleases": 8, "health": {"timeout": 60}}
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
    found = set()
    for url in site.urls:
        with site.client() as browser:
            browser.base_url = url
            found.add(str(browser.get("/facts/").json()["code"]))
    return found


def goes_back(site: Deployment) -> None:
    """One step, and nobody notices."""
    loads = [Load(base_url=url, host=site.domain, rate=20, post_rate=3, clients=3) for url in site.urls]
    for load in loads:
        load.__enter__()
    try:
        site.must_rollback()
    finally:
        reports = [load.finish() for load in loads]
    assert [report.failed for report in reports] == [0] * len(loads), [report.summary() for report in reports]


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
