"""Things die while somebody goes back: what served serves on, and the next command finishes or says what to do."""

from collections.abc import Callable

import pytest

from bench.load import Load
from tests.deployment import Deployment, eventually, kill

pytestmark = pytest.mark.long

GONE = "/srv/static/gone"
"""In a volume that the instances share: no new one starts while it is there."""


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    site = deploy("backfaulty")
    with (site.source / "shop/settings.py").open("a") as settings:
        settings.write(f'\nif Path("{GONE}").exists():\n    raise RuntimeError("the old world is gone")\n')
    site.must_up(drainSeconds=5, health={"timeout": 60})
    (site.source / "store/static/store/second.txt").write_text("second")
    site.must_up(interface="asgi", env={"LEVEL": "2"})
    return site


def _moved(site: Deployment, old: str) -> bool:
    return site.health()["instance"] != old


MOMENTS: dict[str, Callable[[Deployment, str], bool]] = {
    "when the config file is written": lambda site, old: "release" in site.file_config(),
    "while the old instance comes back": lambda site, old: any(not name.endswith(old) for name in site.containers("instance")),
    "while the bad one drains": _moved,
}


@pytest.mark.parametrize("moment", MOMENTS, ids=[name.replace(" ", "-") for name in MOMENTS])
def test_a_rollback_that_is_killed_harms_nobody_and_an_up_finishes_it(site: Deployment, moment: str) -> None:
    bad = site.health()
    with Load(base_url=site.url, host="localhost", rate=30, post_rate=5) as load:
        update = site.start("--to", "1", verb="rollback")
        eventually(lambda: MOMENTS[moment](site, bad["instance"]), 120, moment)
        kill(update)
        finished = site.again()
    assert finished.status == 0, finished.text
    assert load.report.failed == 0, load.report.summary()
    assert site.health()["interface"] == "wsgi"
    assert site.containers("instance") == {f"{site.app}-{site.health()['instance']}": "running"}
    assert site.containers("task") == {}
    assert "nothing to do" in site.again().out
    forward = site.rollback(2)
    assert forward.status == 0, forward.text
    assert site.health() == bad


def test_an_old_release_that_does_not_start_any_more_is_told_before_an_update_has_begun(site: Deployment) -> None:
    serving, config, history = site.health(), site.file_config(), site.ops("history").out
    container = site.docker.containers.get(f"{site.app}-{serving['instance']}")
    assert container.exec_run(["touch", GONE], user="0").exit_code == 0
    try:
        with Load(base_url=site.url, host="localhost", rate=30, post_rate=5) as load:
            refused = site.rollback(1)
    finally:
        container.exec_run(["rm", GONE], user="0")
    assert load.report.failed == 0, load.report.summary()
    assert refused.status == 1, refused.text
    first = refused.err.splitlines()[0]
    assert "release " + _release_of(site, 1) in first
    assert "never took traffic" in first
    assert "the old world is gone" in refused.err
    assert (site.health(), site.file_config()) == (serving, config)
    assert site.containers("instance") == {container.name: "running"}
    assert site.ops("history").out == history
    assert "nothing to do" in site.again().out


def test_a_kept_image_that_is_not_what_was_built_is_not_served(site: Deployment) -> None:
    serving, config = site.health(), site.file_config()
    release = _release_of(site, 1)
    tag = f"gateway/{site.app}:{release}"
    right = site.docker.images.get(tag)
    site.docker.images.get(f"gateway/{site.app}:{serving['release']}").tag(tag)
    try:
        refused = site.rollback(1)
    finally:
        right.tag(tag)
    assert refused.status == 1, refused.text
    first = refused.err.splitlines()[0]
    assert first.startswith(f"the kept image {tag} is not the one that was built for release {release}; what serves stays")
    assert "way out" in first
    assert "Pulumi.dev.yaml: it is as it was before the rollback." in refused.err
    assert (site.health(), site.file_config()) == (serving, config)


def _release_of(site: Deployment, number: int) -> str:
    """As ``make history`` tells it."""
    told = site.ops("history", "--last", "100").out.splitlines()
    line = next(line.split() for line in told if line.split()[:1] == [str(number)])
    return line[line.index("wsgi") + 2]
