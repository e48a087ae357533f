"""Sites that are brought up in this process, on the machine's Docker engine."""

from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest

from tests.deployment import KEY, remove_site
from tests.live.inprocess import InProcessSite
from tests.ports import free_port


@pytest.fixture(scope="module")
def make_site(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], InProcessSite]]:
    """Makes sites by name and takes them away at the end of the module."""
    made: list[str] = []

    def make(app: str) -> InProcessSite:
        remove_site(engine, app)
        made.append(app)
        return InProcessSite(app, free_port(), engine, tmp_path_factory.mktemp(app))

    yield make
    for app in made:
        remove_site(engine, app)


def shop_config(site: InProcessSite, **more: Any) -> dict[str, Any]:
    """The example on that site's name and port."""
    return {
        "app": {"name": site.app, "source": "examples/shop"},
        "httpPort": site.port,
        "listenAddress": "127.0.0.1",
        "services": {"postgres": True, "redis": True},
        "secrets": {"SECRET_KEY": KEY},
        **more,
    }
