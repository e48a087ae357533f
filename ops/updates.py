"""The stack's updates: Pulumi's own history, joined with what the state says has served."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ops import changes
from ops.engines import Engine
from settings.errors import NAMESPACE
from settings.load import STRUCTURED, UNSET
from settings.rollback import STAYS
from targets.served import Served, before

UNREADABLE = "ERROR_UNABLE_TO_DECRYPT"
"""What Pulumi writes in place of a secret that the passphrase of today does not open."""

_ROLLBACK = re.compile(r"^rollback to update (\d+)\b")
_BY = re.compile(r"\(by ([^()]+)\)$")
_SECOND = timedelta(seconds=1)  # Pulumi notes whole seconds


@dataclass(frozen=True, kw_only=True)
class Update:
    """One update of the stack, whatever came of it."""

    number: int
    """1 for the stack's first."""
    kind: str = "update"
    """``update``, ``destroy``, ``refresh``, ...."""
    result: str = "succeeded"
    begun: datetime
    ended: datetime
    message: str = ""
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Every key of ours -> its value, secrets in the clear; those that cannot be read are left out."""
    secret: frozenset[str] = frozenset()
    """Keys that Pulumi keeps as secrets."""
    unreadable: frozenset[str] = frozenset()
    serving: Served | None = None
    """What served when it ended."""
    moved: bool = False
    """Whether that is its own doing."""

    @property
    def served(self) -> bool:
        """Whether it is a state that one can go back to."""
        return self.kind == "update" and self.serving is not None and (self.result == "succeeded" or self.moved)

    @property
    def goes_back_to(self) -> int | None:
        """The update that it went back to, as ``make rollback`` notes in its message."""
        found = _ROLLBACK.match(self.message)
        return int(found.group(1)) if found and int(found.group(1)) < self.number else None

    @property
    def by(self) -> str:
        """``user@host`` that ran it, '' where nobody noted it."""
        found = _BY.search(self.message)
        return found.group(1) if found else self.serving.by if self.serving and self.moved else ""


def values(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Config as the CLI prints it in JSON -> key of ours and its value; texts that stand for "not set" are left out."""
    found = {}
    for key, row in rows.items():
        name = key.removeprefix(f"{NAMESPACE}:")
        value = row.get("objectValue", row.get("value"))
        if name in STRUCTURED and isinstance(value, str) and value != UNREADABLE:
            value = json.loads(value)
        if key.startswith(f"{NAMESPACE}:") and value not in (None, UNREADABLE) and UNSET.get(name) != value:
            found[name] = value
    return found


def secret_keys(rows: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Keys of ours that are secrets."""
    return frozenset(key.removeprefix(f"{NAMESPACE}:") for key, row in rows.items() if row.get("secret"))


def parse(rows: Sequence[Mapping[str, Any]], served: Sequence[Served]) -> tuple[Update, ...]:
    """Updates, newest first, from the rows of ``pulumi stack history --json --show-secrets`` and what has served."""
    found = []
    for index, row in enumerate(rows):
        begun, ended = _time(row["startTime"]), _time(row.get("endTime") or row["startTime"])
        config = row.get("config") or {}
        serving = next((one for one in served if _time(one.at) < ended + _SECOND), None)
        found.append(
            Update(
                number=row.get("version") or len(rows) - index,  # the file backend numbers none
                kind=row["kind"],
                result=row["result"],
                begun=begun,
                ended=ended,
                message=row.get("message", ""),
                config=values(config),
                secret=secret_keys(config),
                unreadable=frozenset(k.partition(":")[2] for k, v in config.items() if v.get("value") == UNREADABLE),
                serving=serving if row["kind"] != "destroy" else None,
                moved=serving is not None and _time(serving.at) >= begun,
            )
        )
    return tuple(found)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def read(stack: Engine) -> tuple[tuple[Update, ...], tuple[Served, ...]]:
    """Every update, newest first, and what has served, newest first. Raises with the engine's own words."""
    with ThreadPoolExecutor(2) as both:
        exported, rows = both.submit(stack.export), both.submit(stack.history)
        return known(exported.result(), rows.result())


def known(state: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[Update, ...], tuple[Served, ...]]:
    """As ``read``, from what the engine has told already."""
    served = served_of(state)
    return parse(rows, served), served


def served_of(state: Mapping[str, Any]) -> tuple[Served, ...]:
    """What has served, from the state: the switch is the step under the Traffic component that prints it."""
    for resource in state["deployment"].get("resources") or ():
        if "gateway:index:Traffic" in resource.get("parent", ""):
            found = before(str(resource.get("outputs", {}).get("stdout", "")))
            if found:
                return found
    return ()


def by_number(updates: Iterable[Update], number: int) -> Update | None:
    """The update of that number."""
    return next((one for one in updates if one.number == number), None)


def gone_back_to(updates: Sequence[Update], update: Update) -> Update | None:
    """The update that this one went back to, None for any other.

    Where ``make rollback`` was killed, a later update has finished it: its message says nothing, but the config names the update,
    and what serves is what that one brought.
    """
    if update.goes_back_to is not None:
        return by_number(updates, update.goes_back_to)
    noted = by_number(updates, int((update.config.get("rollback") or {}).get("update") or 0))
    return noted if noted and noted.number < update.number and same(noted, update) else None


def origin(updates: Sequence[Update], update: Update) -> Update:
    """The update that first brought what this one serves: back along rollbacks, and along updates that changed nothing."""
    while True:
        earlier = gone_back_to(updates, update)
        if earlier is None:
            earlier = next((one for one in updates if one.served and one.number < update.number), None)
            if earlier is None or not same(earlier, update):
                return update
        update = earlier


def rollback_point(updates: Sequence[Update], served: Sequence[Served]) -> Update | None:
    """The last update that served before the present one, None when there is none.

    After a failed update that is what still serves; a failed rollback has put the config back itself, and does not count. After a
    rollback it is what served before the update that was gone back to, so that two rollbacks go back two steps. A present that no
    update owns up to (it was killed) came after them all.
    """
    states = [one for one in updates if one.served]
    last = next((one for one in updates if one.kind == "update" and (one.served or one.goes_back_to is None)), None)
    if not states or last is None:
        return None
    if not last.served or (served and states[0].serving != served[0]):
        return states[0]
    now = origin(updates, states[0])
    return next((one for one in states if one.number < now.number and not same(one, now)), None)


def same(one: Update, other: Update) -> bool:
    """Whether both stand for the same site: code, config, proxy."""
    a, b = one.serving, other.serving
    if a is None or b is None or (a.proxy, a.release, a.interface) != (b.proxy, b.release, b.interface):
        return False
    hidden = one.unreadable | other.unreadable
    return _comparable(one, hidden) == _comparable(other, hidden) and (not hidden or a.instance == b.instance)


def _comparable(update: Update, hidden: Iterable[str]) -> dict[str, Any]:
    config = changes.with_defaults(update.config)
    return {key: value for key, value in config.items() if key not in {*STAYS, "interface", *hidden}}
