"""The verdict for people, and for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from advisor.evidence import Advice, Evidence, Weight

SHOWN = 8
"""Findings of one kind that are shown; JSON has all of them."""

GROUPS: tuple[tuple[str, tuple[Weight, ...]], ...] = (
    ("Only ASGI can serve", ("needs",)),
    ("Would gain from ASGI", ("gains",)),
    ("Speaks against ASGI today", ("bars", "spoils")),
    ("Works differently under ASGI", ("fix",)),
    ("Looked at, decides nothing", ("note",)),
)


def as_text(advice: Advice) -> str:
    """Verdict first, then the evidence, what to mend, what would change, and what could not be read."""
    return "\n".join(_lines(advice)) + "\n"


def as_json(advice: Advice) -> str:
    """``interface``, ``because``, ``sure``, ``evidence``, ``first``, ``changes``, ``unread``, ``files``."""
    told = asdict(advice) | {"first": [asdict(one) for one in advice.first]}
    return json.dumps(told, indent=2)


def _lines(advice: Advice) -> Iterator[str]:
    sure = "" if advice.sure else " (not without a doubt: see below)"
    yield f"{advice.interface.upper()}{sure}: {advice.because}."
    for title, weights in GROUPS:
        yield from _group(title, advice.with_weight(*weights))
    mend = tuple(dict.fromkeys(one for one in advice.first))
    if mend:
        yield from ("", "Mend first, before a switch to ASGI" if advice.interface == "wsgi" else "Mend first")
        yield from _cut([f"  {one.where}  {one.fix}" for one in mend])
    yield from ("", "What a switch to ASGI changes" if advice.interface == "wsgi" else "What ASGI means here")
    yield from (f"  {change.topic:<9} {change.says}." for change in advice.changes)
    if advice.unread:
        yield from ("", "Not read")
        yield from _cut([f"  {one.file}{f':{one.line}' if one.line else ''}  {one.why}" for one in advice.unread])
    yield from ("", f"{advice.files} Python files looked at; nothing was run.")


def _group(title: str, found: Sequence[Evidence]) -> Iterator[str]:
    if found:
        yield from ("", title)
        yield from _cut([f"  {one.where}  {one.says}" for one in found])


def _cut(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:SHOWN]
    if len(lines) > SHOWN:
        yield f"  and {len(lines) - SHOWN} more (--json shows all)"
