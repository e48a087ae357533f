"""What a Django project says of itself, and what is refused because of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from settings import ConfigError, ConfigErrors
from settings.project import Project, inspect, own_packages, websocket_route
from settings.source import Source
from tests.unit.conftest import CHANNELS, settings_of, write

MakeProject = Callable[..., Path]


def inspected(root: Path, interface: str = "wsgi", **app: Any) -> Project:
    settings = settings_of(interface=interface, app={"name": "shop", "source": str(root), **app})
    return inspect(settings, Source(root))


def refused(root: Path, interface: str = "wsgi", **app: Any) -> ConfigError:
    with pytest.raises(ConfigErrors) as caught:
        inspected(root, interface, **app)
    (error,) = caught.value.errors
    return error


def test_manage_py_tells_the_settings_module_and_the_entry_points(project: MakeProject) -> None:
    found = inspected(project())
    assert (found.settings_module, found.wsgi, found.asgi) == ("shop.settings", "shop.wsgi:application", "shop.asgi:application")
    assert (found.entry_point("wsgi"), found.entry_point("asgi")) == (found.wsgi, found.asgi)


def test_config_overrides_what_manage_py_tells(project: MakeProject) -> None:
    root = project({"other/wsgi.py": "", "other/asgi.py": ""})
    found = inspected(root, module="other", settings="other.production")
    assert (found.settings_module, found.wsgi) == ("other.production", "other.wsgi:application")
    assert inspected(root, wsgi="other.wsgi:app").wsgi == "other.wsgi:app"
    assert inspected(root, "asgi", asgi="other.asgi:app").asgi == "other.asgi:app"


def test_a_module_is_enough_where_no_manage_py_tells(project: MakeProject) -> None:
    assert inspected(project(without=("manage.py",)), module="shop").settings_module == "shop.settings"


def test_a_folder_that_is_no_django_project_is_refused(project: MakeProject) -> None:
    error = refused(project(without=("manage.py",)))
    assert error.key == "app.module"
    assert "no manage.py" in error.got


@pytest.mark.parametrize(("interface", "file"), [("wsgi", "shop/wsgi.py"), ("asgi", "shop/asgi.py")])
def test_an_interface_that_the_project_does_not_have_is_refused(project: MakeProject, interface: str, file: str) -> None:
    error = refused(project(without=(file,)), interface)
    assert (error.key, error.got) == ("interface", f"'{interface}', and the source has no {file}")


@pytest.mark.parametrize("file", ["src/shop/wsgi.py", "shop/wsgi/__init__.py"])
def test_an_entry_point_may_be_a_package_or_under_src(project: MakeProject, file: str) -> None:
    assert inspected(project({file: ""}, without=("shop/wsgi.py",))).wsgi == "shop.wsgi:application"


def test_websockets_under_wsgi_are_refused_with_the_line_that_routes_them(project: MakeProject) -> None:
    error = refused(project({"shop/asgi.py": CHANNELS}))
    assert (error.key, error.got) == ("interface", "'wsgi', and shop/asgi.py:3 routes WebSockets (Channels)")
    assert "pulumi config set --path gateway:app.websockets optional" in error.takes


def test_websockets_under_wsgi_are_refused_when_the_config_says_they_are_required(project: MakeProject) -> None:
    root = project({"shop/asgi.py": CHANNELS, "pyproject.toml": '[tool.gateway]\nwebsockets = "optional"\n'})
    assert refused(root, websockets="required").key == "interface"


def test_websockets_under_wsgi_may_be_given_up_by_config(project: MakeProject) -> None:
    assert inspected(project({"shop/asgi.py": CHANNELS}), websockets="optional")


def test_websockets_under_wsgi_may_be_given_up_by_the_project(project: MakeProject) -> None:
    assert inspected(project({"shop/asgi.py": CHANNELS, "pyproject.toml": '[tool.gateway]\nwebsockets = "optional"\n'}))


def test_a_pyproject_that_cannot_be_read_gives_nothing_up(project: MakeProject) -> None:
    assert refused(project({"shop/asgi.py": CHANNELS, "pyproject.toml": "[tool.gateway"})).key == "interface"


def test_websockets_under_asgi_are_fine(project: MakeProject) -> None:
    assert inspected(project({"shop/asgi.py": CHANNELS}), "asgi")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('import channels\na = channels.routing.ProtocolTypeRouter({"websocket": x})', 2),
        ('ProtocolTypeRouter(\n{"http": y,\n"websocket": Wrapped(Router([]))})', 3),
        ('ProtocolTypeRouter({"http": y})', None),
        ('other({"websocket": x})', None),
        ("# ProtocolTypeRouter websocket", None),
        ("not python (", None),
        ("", None),
    ],
)
def test_a_websocket_route_is_seen_without_running_the_code(text: str, line: int | None) -> None:
    assert websocket_route(text) == line


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({}, "requirements.txt"),
        ({"uv.lock": ""}, "uv.lock"),
        ({"pyproject.toml": '[project]\ndependencies = ["Django"]'}, "requirements.txt"),
    ],
)
def test_the_dependencies_are_found_in_the_source(project: MakeProject, files: dict[str, str], chosen: str) -> None:
    assert inspected(project(files)).requirements == chosen


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({"pyproject.toml": '[project]\ndependencies = ["Django"]'}, "pyproject.toml"),
        ({"pyproject.toml": "[tool.x]", "requirements/production.txt": ""}, "requirements/production.txt"),
    ],
)
def test_a_pyproject_counts_only_with_dependencies(project: MakeProject, files: dict[str, str], chosen: str) -> None:
    assert inspected(project(files, without=("requirements.txt",))).requirements == chosen


def test_a_project_without_dependencies_is_refused_with_the_places_that_were_searched(project: MakeProject) -> None:
    error = refused(project(without=("requirements.txt",)))
    assert (error.key, error.takes) == (
        "app.requirements",
        "one of uv.lock, requirements.txt, pyproject.toml, requirements/production.txt",
    )


@pytest.mark.parametrize("key", ["requirements", "dockerfile"])
def test_a_file_that_the_source_does_not_have_is_refused(project: MakeProject, key: str) -> None:
    error = refused(project(), **{key: "no/such"})
    assert (error.key, error.got) == (f"app.{key}", "'no/such', which the source does not have")


def test_an_own_dockerfile_is_used_and_needs_no_requirements(project: MakeProject) -> None:
    found = inspected(project({"Dockerfile": "FROM x"}, without=("requirements.txt",)))
    assert (found.dockerfile, found.requirements) == ("Dockerfile", None)
    assert inspected(project({"docker/prod": "FROM x"}), dockerfile="docker/prod").dockerfile == "docker/prod"


@pytest.mark.parametrize(("text", "python"), [("3.12\n", "3.12"), ("3.13.1", "3.13"), ("cpython-3.11", "3.11"), ("pypy", "")])
def test_the_python_version_is_the_one_that_the_project_names(project: MakeProject, text: str, python: str) -> None:
    assert inspected(project({".python-version": text})).python == python


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("requirements.txt", "Django==5.2 ; python_version < '4'\nGunicorn[x]>=20  # ours\n-e .\nhttps://x/y.whl\n"),
        ("requirements.txt", "django==5.2 \\\n    --hash=sha256:aa\ngunicorn==23 --hash=sha256:bb\n"),
        ("pyproject.toml", '[project]\nname = "shop"\ndependencies = [\n  "Django>=5",\n  "gunicorn",\n]\n'),
        ("uv.lock", '[[package]]\nname = "django"\nversion = "5"\n[[package]]\nname = "gunicorn"\n'),
    ],
)
def test_packages_that_the_project_names_itself_are_seen(tmp_path: Path, file: str, text: str) -> None:
    assert own_packages(Source(write(tmp_path, {file: text})), file) == {"django", "gunicorn"}


def test_packages_of_included_requirements_are_seen_too(tmp_path: Path) -> None:
    write(tmp_path, {"requirements/production.txt": "-r base.txt\ngunicorn\n", "requirements/base.txt": "Django\n"})
    assert own_packages(Source(tmp_path), "requirements/production.txt") == {"django", "gunicorn"}
