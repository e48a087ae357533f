"""``interface: auto``: the advisor decides for a site that does not serve yet; what serves stays until it is accepted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops import updates
from settings import ConfigErrors
from settings.auto import SERVED, remember, serving_interface
from settings.plan import Plan, plan
from targets.served import Served
from targets.serving import Serving
from tests.unit.conftest import CHANNELS, error_of, settings_of
from tests.unit.test_updates import START, _update

MakeProject = Callable[..., Path]
KEPT = {"name": "shop", "module": "shop"}


@pytest.fixture(autouse=True)
def _nothing_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SERVED, raising=False)


def planned(root: Path, serves: str = "", **changes: Any) -> Plan:
    app = {"name": "shop", "source": str(root), **changes.pop("app", {})}
    return plan(settings_of(interface="auto", app=app, **changes), serves=serves)


def test_a_first_start_takes_the_verdict_and_says_why(project: MakeProject) -> None:
    found = planned(project({"shop/asgi.py": CHANNELS}))
    assert (found.server.interface, found.server.server, found.settings.interface) == ("asgi", "uvicorn", "asgi")
    assert found.notes == ("interface auto: asgi, since shop/asgi.py:3 routes WebSockets (Channels): only ASGI has them",)
    assert found.warnings == ()


def test_a_plain_project_is_started_as_wsgi(project: MakeProject) -> None:
    found = planned(project())
    assert (found.server.interface, found.server.server, found.server.entry_point) == (
        "wsgi",
        "gunicorn",
        "shop.wsgi:application",
    )
    assert found.notes == ("interface auto: wsgi, since nothing in the project needs ASGI or gains from it",)


@pytest.mark.parametrize(
    ("serves", "files"), [("asgi", {}), ("wsgi", {"shop/views.py": "", "pyproject.toml": "", "shop/api.py": "+"})]
)
def test_another_verdict_is_told_and_what_serves_stays(project: MakeProject, serves: str, files: dict[str, str]) -> None:
    waits = "import asyncio\n@api.get('/')\nasync def wait(request):\n    await asyncio.sleep(1)\n"
    found = planned(project({name: waits if text else "" for name, text in files.items()}), serves)
    other = "wsgi" if serves == "asgi" else "asgi"
    assert (found.server.interface, found.notes) == (serves, ())
    (warning,) = found.warnings
    assert warning.startswith(f"the advisor's verdict is {other} now, since ")
    assert f"{serves} serves and stays until you accept: pulumi config set gateway:interface {other}" in warning


def test_the_verdict_that_serves_already_is_no_warning(project: MakeProject) -> None:
    found = planned(project({"shop/asgi.py": CHANNELS}), "asgi")
    assert (found.server.interface, found.warnings, len(found.notes)) == ("asgi", (), 1)


def test_what_is_to_mend_is_told_with_the_verdict(project: MakeProject) -> None:
    (note,) = planned(project({"shop/asgi.py": CHANNELS, "shop/settings.py": "CONN_MAX_AGE = 60\n"})).notes
    assert note.endswith("; to mend: shop/settings.py:1 and more, see make advise")


def test_websockets_are_never_lost_to_an_interface_that_only_stays(project: MakeProject) -> None:
    with pytest.raises(ConfigErrors, match=r"got 'wsgi', and shop/asgi\.py:3 routes WebSockets"):
        planned(project({"shop/asgi.py": CHANNELS}), "wsgi")


def test_websockets_that_may_be_lost_are_the_configs_word_too(project: MakeProject) -> None:
    found = planned(project({"shop/asgi.py": CHANNELS}), "wsgi", app={"websockets": "optional"})
    assert (found.server.interface, len(found.warnings)) == ("wsgi", 1)


def test_a_server_that_does_not_fit_the_verdict_is_refused(project: MakeProject) -> None:
    with pytest.raises(ConfigErrors) as caught:
        planned(project(), server="uvicorn")
    assert str(caught.value) == "config gateway:server: got 'uvicorn' with interface 'wsgi'; takes gunicorn"


def test_a_server_that_fits_it_is_taken(project: MakeProject) -> None:
    assert planned(project({"shop/asgi.py": CHANNELS}), server="hypercorn").server.server == "hypercorn"


def test_a_kept_release_keeps_the_interface_that_serves() -> None:
    found = plan(settings_of(interface="auto", app=KEPT, release="0123456789"), serves="asgi")
    assert (found.server.interface, found.notes, found.warnings) == ("asgi", (), ())


def test_a_kept_release_that_nothing_tells_of_is_refused() -> None:
    with pytest.raises(ConfigErrors, match="got 'auto' with a kept release, and nothing serves yet; takes wsgi or asgi"):
        plan(settings_of(interface="auto", app=KEPT, release="0123456789"))


def test_a_ready_image_has_no_files_to_decide_from() -> None:
    error = error_of(interface="auto", app={"name": "shop", "module": "shop", "image": "sha256:" + "c" * 64})
    assert (error.key, error.takes) == ("interface", "wsgi or asgi")


def test_nobody_may_ask_before_it_is_decided() -> None:
    with pytest.raises(ValueError, match="has not been decided"):
        _ = settings_of(interface="auto").effective_server


SERVING = Serving(interface="wsgi", server="gunicorn", release="r", instance="i")


def test_a_site_that_is_down_keeps_the_interface_that_the_state_tells() -> None:
    assert serving_interface(None) == ""
    assert remember({"interface": "asgi"}) == "asgi"
    assert serving_interface(None) == "asgi"
    assert serving_interface(SERVING) == "wsgi"
    assert remember({}) == ""
    assert serving_interface(None) == ""


def test_two_updates_with_auto_that_served_differently_are_two() -> None:
    told = {**SERVING.model_dump(), "at": START.isoformat()}
    one, other, again = (
        _update(config={"interface": asked}, serving=Served.model_validate({**told, "interface": served}))
        for asked, served in (("auto", "wsgi"), ("auto", "asgi"), ("asgi", "asgi"))
    )
    assert not updates.same(one, other)
    assert updates.same(other, again)
