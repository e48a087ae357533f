"""The ways a project becomes an image: its own Dockerfile, ours, a ready one; and how long images are kept."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from targets.docker.agent import engine as agent_engine
from targets.docker.agent import releases
from targets.docker.requests import ReleaseRequest
from tests.deployment import KEY, ROOT
from tests.live.inprocess import InProcessSite, StepFailed

NO_DATABASE = {"DATABASE_URL": "sqlite:////srv/media/db.sqlite3", "MEDIA_ROOT": "/srv/media"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the example that may be changed."""
    return Path(shutil.copytree(ROOT / "examples/shop", tmp_path / "shop"))


def config(site: InProcessSite, **app: Any) -> dict[str, Any]:
    """No data services: the smallest site there is."""
    return {
        "app": {"name": site.app, "websockets": "optional", **app},
        "httpPort": site.port,
        "listenAddress": "127.0.0.1",
        "env": NO_DATABASE,
        "secrets": {"SECRET_KEY": KEY},
    }


def served(site: InProcessSite) -> str:
    answer = httpx.get(f"{site.url}/health/", headers={"Host": "localhost"})
    assert answer.status_code == 200
    return str(answer.json()["release"])


def test_dependencies_are_installed_once_for_releases_that_have_the_same_ones(
    make_site: Callable[[str], InProcessSite], project: Path
) -> None:
    site = make_site("shared")
    first = site.up(config(site, source=str(project)))
    tags = [tag for image in site.engine.images.list(name="gateway/shared-dependencies") for tag in image.tags]
    (project / "store/static/store/more.txt").write_text("another release")
    second = site.up(config(site, source=str(project)))
    assert first["release"] != second["release"] == served(site)
    assert [tag for image in site.engine.images.list(name="gateway/shared-dependencies") for tag in image.tags] == tags
    assert len(tags) == 1


def test_a_project_with_a_dockerfile_of_its_own_is_built_by_it(make_site: Callable[[str], InProcessSite], project: Path) -> None:
    site = make_site("shared")
    site.up(config(site, source=str(project)))
    dependencies = site.engine.images.list(name="gateway/shared-dependencies")[0].tags[0]
    (project / "Dockerfile").write_text(
        f'FROM {dependencies}\nENV MADE_BY=hand\nCOPY . /srv/code\nWORKDIR /srv/code\nCMD ["false"]\n'
    )
    made = site.up(config(site, source=str(project)))
    assert served(site) == made["release"]
    container = site.engine.containers.get(f"shared-{made['instance']}")
    assert "MADE_BY=hand" in container.attrs["Config"]["Env"]


def test_a_ready_image_is_served_by_its_id(make_site: Callable[[str], InProcessSite], project: Path) -> None:
    site = make_site("shared")
    first = site.up(config(site, source=str(project)))
    image = str(site.engine.images.get(f"gateway/shared:{first['release']}").id)
    made = site.up(config(site, image=image, module="shop"))
    assert made["release"] != first["release"] == first["release"]
    assert served(site) == made["release"]


def test_a_kept_release_is_served_without_its_source_and_one_that_is_not_kept_is_named(
    make_site: Callable[[str], InProcessSite], project: Path
) -> None:
    site = make_site("shared")
    first = site.up(config(site, source=str(project)))
    kept = config(site, module="shop")
    assert site.up({**kept, "release": first["release"], "env": {**NO_DATABASE, "ROUND": "two"}})["release"] == first["release"]
    with pytest.raises(StepFailed, match=rf"release 0123456789 of shared is not kept.*{first['release']}"):
        site.up({**kept, "release": "0123456789"})


def test_a_pyproject_with_dependencies_is_enough(make_site: Callable[[str], InProcessSite], project: Path) -> None:
    site = make_site("pyproject")
    lines = [
        line for line in (project / "requirements.txt").read_text().splitlines() if line.strip() and not line.startswith("#")
    ]
    (project / "requirements.txt").unlink()
    listed = ", ".join(repr(line.split(" #")[0].strip()) for line in lines)
    (project / "pyproject.toml").write_text(
        f'[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = [{listed}]\n'
    )
    assert site.up(config(site, source=str(project)))["release"] == served(site)


def test_a_database_inside_the_container_is_refused_before_anybody_loses_it(
    make_site: Callable[[str], InProcessSite], project: Path
) -> None:
    site = make_site("lossy")
    with pytest.raises(
        StepFailed, match=r"the database is the file /app/db.sqlite3 inside the container.*services.postgres true"
    ):
        site.up({**config(site, source=str(project)), "env": {}})


def test_only_the_newest_releases_are_kept_and_those_in_use(make_site: Callable[[str], InProcessSite], project: Path) -> None:
    site = make_site("shared")
    made = []
    for number in range(4):
        (project / "note.txt").write_text(str(number))
        made.append(site.up(config(site, source=str(project)))["release"])
    client = agent_engine.connect()
    client.containers.create(f"gateway/shared:{made[1]}", ["-"], labels=agent_engine.labels("shared", "gateway/dev", "task"))
    releases.collect(client, ReleaseRequest(app="shared", owner="gateway/dev", release=made[0], keep=1))
    left = {tag.rpartition(":")[2] for image in agent_engine.kept_images(client, "shared") for tag in image.tags}
    assert left == {made[-1], made[1]}, "the newest, and the one that a container still has"
    assert served(site) == made[-1]
