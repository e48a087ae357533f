"""``interface: auto``: the advisor decides from the source, and never changes what serves behind anybody's back.

The verdict counts for a site that does not serve yet. After that the interface that serves stays, until a person sets
``interface`` to the other one; ``auto`` may be set again once that serves.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from settings.checks import server_mistakes
from settings.errors import ConfigError, ConfigErrors
from settings.model import Interface, Settings
from settings.project import websockets_are_optional
from settings.source import Source
from targets.serving import Serving

if TYPE_CHECKING:
    from advisor import Advice

SERVED = "GATEWAY_SERVED"
"""Environment variable in which ``make up`` hands the program what the state says of the interface, for a site that is down."""


@dataclass(frozen=True)
class Said:
    """What a person is told of the decision."""

    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def serving_interface(serving: Serving | None) -> str:
    """``wsgi`` or ``asgi``: what serves now, else what the state says; '' where nothing ever served."""
    return serving.interface if serving else os.environ.get(SERVED, "")


def remember(outputs: Mapping[str, Any]) -> str:
    """The interface that the stack's outputs tell, kept for the program that this process starts."""
    os.environ[SERVED] = str(outputs.get("interface") or "")
    return os.environ[SERVED]


def decide(settings: Settings, source: Source | None, serves: str) -> tuple[Settings, Said]:
    """Settings with ``wsgi`` or ``asgi`` in place of ``auto``, and what to say. Raises ``ConfigErrors``.

    ``source`` is None for a kept release without its source; ``serves`` is '' where nothing does.
    """
    if settings.interface != "auto":
        return settings, Said()
    now: Interface | None = "asgi" if serves == "asgi" else "wsgi" if serves == "wsgi" else None
    read = None if settings.release else source  # a kept release is not what the source is today
    if read is None:
        chosen, said = _unread(now), Said()
    else:
        advice = _advice(settings, read)
        chosen, said = now or advice.interface, _said(advice, now)
    decided = settings.model_copy(update={"interface": chosen})
    mistakes = list(server_mistakes(decided))
    if mistakes:
        raise ConfigErrors(mistakes)
    return decided, said


def _unread(now: Interface | None) -> Interface:
    if now is None:
        raise ConfigErrors([ConfigError("interface", "'auto' with a kept release, and nothing serves yet", "wsgi or asgi")])
    return now


def _advice(settings: Settings, source: Source) -> "Advice":
    from advisor import Entry, advise  # here: its rules take a while to load, and most sites do not ask

    app = settings.app
    entry = Entry(
        settings=app.settings or "",
        wsgi=app.wsgi or (f"{app.module}.wsgi" if app.module else ""),
        asgi=app.asgi or (f"{app.module}.asgi" if app.module else ""),
        websockets_optional=websockets_are_optional(source, app.websockets),
    )
    return advise(source, entry)


def _said(advice: "Advice", now: Interface | None) -> Said:
    verdict = f"interface auto: {advice.interface}, since {advice.because}"
    if now in (None, advice.interface):
        mend = (
            f"; to mend: {advice.first[0].where} and more, see make advise" if advice.interface == "asgi" and advice.first else ""
        )
        return Said(notes=(f"{verdict}{mend}",))
    return Said(
        warnings=(
            f"the advisor's verdict is {advice.interface} now, since {advice.because}; {now} serves and stays until you accept: "
            f"pulumi config set gateway:interface {advice.interface} (auto may be set again once that serves)",
        )
    )
