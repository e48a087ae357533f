"""Two stacks of one site in one project folder, for tests on either target."""

from typing import Any, Generic, TypeVar

from tests.deployment import Deployment

D = TypeVar("D", bound=Deployment)


class Stacks(Generic[D]):
    """``prod-wsgi``, which has the site, and ``prod-asgi``, which has joined it."""

    def __init__(self, site: D) -> None:
        self.site = site
        self.configs: dict[str, dict[str, Any]] = {
            "prod-wsgi": {**site.config, "interface": "wsgi"},
            "prod-asgi": {**site.config, "interface": "asgi", "joins": "prod-wsgi"},
        }

    def __call__(self, stack: str) -> D:
        self.site.stack, self.site.config = stack, self.configs[stack]
        return self.site
