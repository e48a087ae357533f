"""What Nginx lets in, passes on to the app and writes down: who is believed, how much is allowed, what is logged."""

from dataclasses import dataclass
from typing import Literal

from settings.model import Settings

FRONT_SETTINGS = ("trusted_proxies", "access_log", "limits", "timeouts")
"""Settings that this is made from."""


@dataclass(frozen=True, kw_only=True)
class FrontSpec:
    """The defaults believe nobody and limit nobody."""

    trusted_proxies: tuple[str, ...] = ()
    """Networks of a load balancer or CDN in front, whose X-Forwarded-For, X-Forwarded-Proto and X-Request-ID are believed."""
    access_log: Literal["json", "text"] = "json"
    """One line per request that the app was asked, or media; static files are not logged."""
    requests_per_second: int = 0
    """Per address, for what the app answers; 0 for no limit. Whoever asks more is answered 429."""
    burst: int = 0
    """Requests that may come at once beyond that; 0 for twice the requests of a second."""
    connections: int = 0
    """Requests of one address that may be in progress at once; 0 for no limit."""
    login_paths: tuple[str, ...] = ()
    """Where a POST is an attempt to log in."""
    logins_per_minute: int = 10
    """Attempts per address, on all of these paths together; half as many may come at once."""
    health_path: str = "/health/"
    """Never counted: a switch asks for it."""
    request_seconds: int = 60
    """How long the app may be silent before Nginx answers 504; streams have their own time."""
    header_seconds: int = 10
    """How long a client may take for its headers."""
    body_seconds: int = 30
    """How long a client may pause in its body."""
    send_seconds: int = 30
    """How long a client may take nothing of its answer."""


def front(settings: Settings) -> FrontSpec:
    """What the config asks for."""
    limits, timeouts = settings.limits, settings.timeouts
    return FrontSpec(
        trusted_proxies=settings.trusted_proxies,
        access_log=settings.access_log,
        requests_per_second=limits.requests_per_second,
        burst=limits.burst,
        connections=limits.connections,
        login_paths=limits.login.paths,
        logins_per_minute=limits.login.per_minute,
        health_path=settings.health.path,
        request_seconds=timeouts.request,
        header_seconds=timeouts.header,
        body_seconds=timeouts.body,
        send_seconds=timeouts.send,
    )
