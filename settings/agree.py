"""Limits along the path of a request (client, Nginx, server, unit) that do not agree: a server would lose what Nginx gave it."""

from collections.abc import Iterator

from rendering.seconds import STOP_SECONDS, UPSTREAM_SECONDS
from settings.errors import ConfigError
from settings.model import Settings
from settings.sections import Timeouts

KEEP_ALIVE = ("keep-alive", "timeout-keep-alive")
GRACEFUL = ("graceful-timeout", "timeout-graceful-shutdown")


def mistakes(settings: Settings) -> Iterator[ConfigError]:
    """Server options that do not agree with the rest of the path."""
    for name in KEEP_ALIVE:
        # 0 is no mistake: the server then says that it closes.
        if 0 < _number(settings, name) <= UPSTREAM_SECONDS:
            yield ConfigError(
                f"serverOptions.{name}",
                f"{settings.server_options[name]} seconds, and Nginx keeps a connection for {UPSTREAM_SECONDS}",
                f"more than {UPSTREAM_SECONDS}, or the server closes a connection under a request",
            )
    for name in GRACEFUL:
        if _number(settings, name) > STOP_SECONDS:
            yield ConfigError(
                f"serverOptions.{name}",
                f"{settings.server_options[name]} seconds, and the instance is stopped for good soon after {STOP_SECONDS}",
                f"drainSeconds: requests end in it before the server is stopped; or at most {STOP_SECONDS} here",
            )
    if 0 < _number(settings, "timeout") < settings.timeouts.request:
        yield ConfigError(
            "serverOptions.timeout",
            f"{settings.server_options['timeout']} seconds, and Nginx waits {settings.timeouts.request} for an answer",
            "timeouts.request, which sets both",
        )


def warnings(settings: Settings) -> tuple[str, ...]:
    """What works until an instance is replaced."""
    allowed, drain = settings.timeouts.request, settings.drain_seconds
    if allowed <= drain or allowed == Timeouts().request:
        return ()
    return (f"a request may take {allowed} s (timeouts.request), and one that does is cut by a switch: drainSeconds is {drain}",)


def _number(settings: Settings, option: str) -> float:
    try:
        return float(settings.server_options.get(option, "0"))
    except ValueError:
        return 0
