"""From settings and source to what will be made: the release's id, the derived environment, the server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from settings import ConfigErrors
from settings.plan import Plan, plan, release_of
from tests.unit.conftest import SECRET, settings_of

MakeProject = Callable[..., Path]
IMAGE = "sha256:" + "c" * 64
NO_SOURCE = {"name": "shop", "module": "shop", "image": IMAGE}


def planned(**changes: Any) -> Plan:
    return plan(settings_of(**{"app": NO_SOURCE, **changes}))


def test_hosts_and_origins_are_derived_from_the_domains() -> None:
    assert planned(domains=["a.example", "b.example"], httpPort="80").env == {
        "ALLOWED_HOSTS": "a.example,b.example",
        "CSRF_TRUSTED_ORIGINS": "http://a.example,http://b.example",
    }


def test_a_project_that_prefixes_its_secret_key_gets_prefixed_names() -> None:
    assert set(planned(secrets={"DJANGO_SECRET_KEY": SECRET}).env) == {"DJANGO_ALLOWED_HOSTS", "DJANGO_CSRF_TRUSTED_ORIGINS"}


def test_services_give_their_urls() -> None:
    env = planned(services={"postgres": True, "redis": True}).env
    assert env["DATABASE_URL"] == "postgres://shop@%2Fvar%2Frun%2Fpostgresql/shop"
    assert env["REDIS_URL"] == "unix:///run/redis/redis.sock?db=0"


def test_a_service_that_is_off_gives_no_url() -> None:
    assert not {"DATABASE_URL", "REDIS_URL"} & set(planned(services={"postgres": False}).env)


def test_what_the_config_says_wins_over_what_is_derived() -> None:
    env = {"ALLOWED_HOSTS": "*", "DATABASE_URL": "postgres://elsewhere/x"}
    found = planned(env=env, services={"postgres": True})
    assert (found.env["ALLOWED_HOSTS"], found.env["DATABASE_URL"]) == ("*", "postgres://elsewhere/x")


def test_a_url_among_the_secrets_is_not_doubled_in_plain() -> None:
    found = planned(secrets={"SECRET_KEY": SECRET, "DATABASE_URL": "postgres://u:p@h/x"}, services={"postgres": True})
    assert "DATABASE_URL" not in found.env
    assert found.secrets == {"SECRET_KEY": SECRET, "DATABASE_URL": "postgres://u:p@h/x"}


def test_the_server_is_the_one_that_was_asked_for() -> None:
    server = planned(interface="asgi", server="hypercorn", workers="2", serverOptions={"backlog": 7}).server
    assert (server.interface, server.server, server.entry_point) == ("asgi", "hypercorn", "shop.asgi:application")
    assert (server.workers, server.options) == (2, {"backlog": "7"})


def source_plan(root: Path, interface: str = "wsgi", server: str | None = None, **app: Any) -> Plan:
    return planned(app={"name": "shop", "source": str(root), **app}, interface=interface, server=server)


def test_a_release_tells_what_it_is_built_from(project: MakeProject) -> None:
    release = source_plan(project({".python-version": "3.12"})).release
    assert (release.requirements, release.dockerfile, release.python, release.keep) == ("requirements.txt", None, "3.12", 5)
    assert release.digest is not None
    assert len(release.release) == 10


def test_the_release_stays_when_only_the_interface_changes(project: MakeProject) -> None:
    root = project()
    wsgi, asgi = source_plan(root), source_plan(root, "asgi")
    assert wsgi.release == asgi.release
    assert wsgi.server != asgi.server


def test_the_release_changes_with_code_python_and_server_package(project: MakeProject) -> None:
    root = project()
    seen = {source_plan(root).release.release, source_plan(root, "asgi", "daphne").release.release}
    seen.add(source_plan(project({"shop/views.py": "x"})).release.release)
    seen.add(source_plan(project({".python-version": "3.12"})).release.release)
    assert len(seen) == 4


def test_every_part_of_a_release_is_in_its_id(project: MakeProject) -> None:
    root = str(project({"other.txt": "Django==5.2\n"}))
    ids = {
        release_of(root).release,
        release_of(root, python="3.12").release,
        release_of(root, requirements="other.txt").release,
        release_of(root, requirements=None, dockerfile="a").release,
        release_of(root, requirements=None, dockerfile="b").release,
        release_of(root, server="daphne").release,
    }
    assert len(ids) == 6
    assert release_of(root, keep=1).release in ids


def test_a_package_that_the_project_pins_is_left_to_the_project(project: MakeProject) -> None:
    packages = source_plan(project({"requirements.txt": "Django\ngunicorn==23\n"})).release.packages
    assert not [package for package in packages if package.startswith("gunicorn")]
    assert [package for package in packages if package.startswith("uvicorn>")]


def test_a_project_with_its_own_dockerfile_brings_its_own_server(project: MakeProject) -> None:
    release = source_plan(project({"Dockerfile": "FROM x"})).release
    assert (release.dockerfile, release.packages) == ("Dockerfile", ())


def test_a_prebuilt_image_is_a_release_by_its_digest() -> None:
    release = planned().release
    assert (release.image, release.source) == (IMAGE, None)
    other = planned(app={**NO_SOURCE, "image": "sha256:" + "d" * 64}).release
    assert other.release != release.release


def test_a_kept_release_is_served_by_its_id_without_a_source() -> None:
    found = planned(app={"name": "shop", "module": "shop"}, release="0123456789")
    assert (found.release.release, found.release.source, found.release.digest) == ("0123456789", None, None)
    assert found.project.settings_module == "shop.settings"


def test_a_kept_release_is_served_with_the_source_that_the_config_still_names(project: MakeProject) -> None:
    found = planned(app={"name": "shop", "source": str(project(without=("shop/wsgi.py",)))}, release="0123456789")
    assert (found.release.release, found.release.source) == ("0123456789", None)
    assert found.project.settings_module == "shop.settings"


def test_a_kept_release_is_served_even_when_its_source_is_gone_if_the_module_is_known() -> None:
    assert planned(app={"name": "shop", "source": "/gone", "module": "shop"}, release="0123456789").release.source is None


def test_a_kept_release_whose_module_nobody_knows_asks_for_it() -> None:
    with pytest.raises(ConfigErrors) as caught:
        planned(app={"name": "shop", "source": "/gone"}, release="0123456789")
    assert str(caught.value) == (
        "config gateway:app.module: got nothing, and no source to read it from; takes the package with wsgi.py and asgi.py"
    )


def test_a_source_that_is_gone_is_refused_without_a_kept_release() -> None:
    with pytest.raises(ConfigErrors, match="which is not a directory"):
        planned(app={"name": "shop", "source": "/gone"})


def test_error_pages_of_the_source_are_planned_and_a_folder_without_any_is_refused(project: Callable[..., Path]) -> None:
    source = project({"deploy/errors/503.html": "<h1>Inventur</h1>"})
    app = {"name": "shop", "source": str(source)}
    assert plan(settings_of(app=app, errorPages="deploy/errors/")).pages == {"503.html": "<h1>Inventur</h1>"}
    with pytest.raises(ConfigErrors, match=r"errorPages.*has none of them.*502\.html"):
        plan(settings_of(app=app, errorPages="shop"))
