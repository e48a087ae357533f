"""``python -m ops check``: what a person reads about the project's own settings, before anything is built."""

from collections.abc import Callable

import pytest

from tests.deployment import Deployment


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    return deploy("checked")


def test_settings_that_agree_are_said_to_and_nothing_is_made(site: Deployment) -> None:
    site.write_config()
    told = site.ops("check")
    assert (told.status, told.out.splitlines()[-1]) == (0, "settings and config agree"), told.text
    assert site.containers() == {}


def test_what_would_break_the_site_is_status_1_and_the_rest_is_said_too(site: Deployment) -> None:
    settings = site.source / "shop/settings.py"
    before = settings.read_text()
    settings.write_text(f'{before}\nALLOWED_HOSTS = ["old.example"]\nUSE_X_FORWARDED_HOST = True\n')
    told = site.ops("check")
    assert told.status == 1, told.text
    error, warning = told.out.splitlines()[-2:]
    assert error.startswith("error: ALLOWED_HOSTS refuses localhost")
    assert warning.startswith("warning: USE_X_FORWARDED_HOST")
    settings.write_text(f"{before}\nimport no_such_module\n")
    told = site.ops("check")
    assert (told.status, "No module named 'no_such_module'" in told.err, "Traceback" in told.text) == (1, True, False)
    settings.write_text(before)
