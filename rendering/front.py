"""What Nginx lets in, passes on to the app and writes down: who is believed, how much is allowed, what is logged."""

from dataclasses import dataclass
from typing import Literal

from settings.model import Settings

FRONT_SETTINGS = ("trusted_proxies", "access_log")
"""Settings that this is made from."""


@dataclass(frozen=True, kw_only=True)
class FrontSpec:
    """The defaults believe nobody and limit nobody."""

    trusted_proxies: tuple[str, ...] = ()
    """Networks of a load balancer or CDN in front, whose X-Forwarded-For, X-Forwarded-Proto and X-Request-ID are believed."""
    access_log: Literal["json", "text"] = "json"
    """One line per request that the app was asked, or media; static files are not logged."""


def front(settings: Settings) -> FrontSpec:
    """What the config asks for."""
    return FrontSpec(trusted_proxies=settings.trusted_proxies, access_log=settings.access_log)
