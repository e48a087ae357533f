"""Sites for the tests of resources: a whole one through the real DjangoSite, and what its parts are made from."""

import re
from dataclasses import dataclass, field
from typing import Any

from components.site import DjangoSite, DjangoSiteArgs
from rendering.identity import short_hash
from settings.plan import plan
from targets.docker import DockerTarget
from targets.observation import Observation
from tests.unit.conftest import SECRET, settings_of
from tests.unit.recording import Recording, record

TOKEN = "tok-5f2e9a77c1d84b60"
OWNER = "gateway/test"
KEPT = {"name": "shop", "module": "shop"}
IMAGE = "sha256:" + "7" * 64
READY = {**KEPT, "image": IMAGE}
RELEASE = short_hash(IMAGE)

CHANGES: dict[str, dict[str, Any]] = {
    "interface": {"interface": "asgi"},
    "server": {"interface": "asgi", "server": "daphne"},
    "workers": {"workers": "5"},
    "option": {"serverOptions": {"backlog": "9"}},
    "release": {"release": "9876543210"},
    "env": {"env": {"LEVEL": "2"}},
    "secret": {"secrets": {"SECRET_KEY": SECRET, "TOKEN": TOKEN + "x"}},
    "settings": {"app": {**READY, "settings": "shop.other"}},
}
"""Each of these makes another instance."""


@dataclass(frozen=True)
class Site:
    """A program with one site of a ready image, as ``__main__.py`` makes it. Equal ones are run once."""

    told: str
    """All that decides what it asks for."""
    observed: Observation = field(compare=False)
    changes: dict[str, Any] = field(compare=False)

    def __call__(self) -> dict[str, Any]:
        secrets = {"SECRET_KEY": SECRET, "TOKEN": TOKEN}
        settings = settings_of(**{"app": READY, "secrets": secrets, **self.changes})
        services = {key: value for key, value in settings.services if value is not None}
        target = DockerTarget("shop", owner=OWNER, services=services)
        made = DjangoSite("shop", DjangoSiteArgs(plan=plan(settings), target=target, observed=self.observed))
        return {"outputs": made.outputs}


def site(observed: Observation | None = None, **changes: Any) -> Site:
    return Site(f"{observed} {changes}", observed or Observation(), changes)


def recorded_site(observed: Observation | None = None, **changes: Any) -> Recording:
    return record(site(observed, **changes), False)


def instance_of(recording: Recording) -> str:
    """The id of the instance that the recording starts."""
    found = re.search(r"-([0-9a-f]{10})$", recording.step("start").name)
    assert found is not None
    return found.group(1)


def without_ids(names: set[str]) -> list[str]:
    """Logical names, sorted, with ``<id>`` for each hash."""
    return sorted(re.sub(r"-[0-9a-f]{10}$", "-<id>", name) for name in names)
