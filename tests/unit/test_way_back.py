"""What make rollback starts before the engine has: it is the very thing that the update will ask for, so that finds it there."""

from typing import Any

import pytest

from settings.instance import asked
from settings.plan import plan
from targets.docker import names
from targets.docker.site import DockerSite
from targets.docker.way_back import _env
from tests.unit.conftest import SECRET, settings_of
from tests.unit.recording import IMAGE_ID
from tests.unit.sites import CHANGES, OWNER, READY, TOKEN, recorded_site

ALL: dict[str, dict[str, Any]] = {
    **CHANGES,
    "nothing": {},
    "health": {"health": {"path": "/up/", "timeout": 7}, "drainSeconds": "9", "domains": ["a.example"]},
    "services": {"services": {"postgres": True, "redis": True}},
    "tls": {"tls": {"mode": "self-signed"}, "httpsPort": "8443"},
}


@pytest.mark.parametrize("change", ALL)
def test_what_is_started_ahead_of_the_engine_is_what_the_update_asks_for(change: str) -> None:
    changes = ALL[change]
    recorded = recorded_site(**changes)
    settings = settings_of(**{"app": READY, "secrets": {"SECRET_KEY": SECRET, "TOKEN": TOKEN}, **changes})
    planned = plan(settings)
    site = DockerSite("shop", OWNER, services=tuple(sorted(key for key, value in settings.services if value is not None)))
    spec = asked(planned, names.REVISION)
    assert site.instance(spec, IMAGE_ID).model_dump(mode="json") == {**recorded.step("start").request, "image": IMAGE_ID}
    assert _env(planned, site, spec.env_id).model_dump(mode="json") == recorded.step("env").request
