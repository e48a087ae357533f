"""kill -9 of the embedded engine at every boundary of a switch: the site serves all the time, and the next up finishes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.load import Load
from tests.deployment import Deployment, Result

pytestmark = pytest.mark.long

AT_LEAST = 14
"""Boundaries of a switch: before and after each write of the state, and three steps begin and end."""


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    site = deploy("killed", kind="embedded")
    shutil.copy(Path(__file__).with_name("kill_at.py"), site.folder / "kill_at.py")
    sqlite = {"DATABASE_URL": "sqlite:////srv/media/db.sqlite3", "MEDIA_ROOT": "/srv/media"}
    site.must_up(drainSeconds=0, health={"timeout": 60}, services={}, env=sqlite)
    return site


def switch(site: Deployment, at: str) -> Result:
    """An update to the other interface that is killed at a boundary."""
    site.config["interface"] = "asgi" if site.config["interface"] == "wsgi" else "wsgi"
    site.write_config()
    return site.run(str(site.folder / ".venv/bin/python"), "-m", "kill_at", at, site.stack)


def test_killed_at_every_boundary_of_a_switch_it_serves_and_the_next_up_finishes(site: Deployment) -> None:
    reached = 0
    with Load(base_url=site.url, host="localhost", rate=20, post_rate=3, clients=4) as load:
        while (killed := switch(site, str(reached + 1))).status == -9:
            reached += 1
            json.loads(site.embedded.backend.checkpoint.read_text())
            assert "was killed" in site.must_up().out
            serving = site.health()
            assert serving["interface"] == site.config["interface"], f"boundary {reached}"
            assert site.containers("instance") == {f"{site.app}-{serving['instance']}": "running"}, f"boundary {reached}"
            assert "pending_operations" not in json.loads(site.state())["deployment"]
    assert killed.status == 0, killed.text
    assert reached >= AT_LEAST
    assert load.report.failed == 0, load.report.summary()
    assert "nothing to do" in site.must_up().out
