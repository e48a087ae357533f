"""The report's page: pure, from what ``status`` tells, the stack's updates, and what the log has around its switches."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ops import charts
from ops.history import what_changed
from ops.status_table import age, size
from ops.updates import Update
from rendering.templates import FOLDER
from targets.common.around import AFTER, BEFORE
from targets.served import Served

Facts = Mapping[str, Any]
Around = Mapping[str, Sequence[Facts] | str]
"""Host -> for each switch what was answered around it, or why nobody can tell."""
TIMELINE = 20


def page(told: Facts, found: Sequence[Update], served: Sequence[Served], around: Around, *, last: int) -> str:
    """The whole page. ``around`` has the moments of the first ``last`` of ``served``, in that order."""
    hosts = told["hosts"]
    most = max((one["memory_bytes"] for host in hosts if host["reachable"] for one in host["instances"]), default=1)
    return (
        _environment()
        .get_template("report/page.html.j2")
        .render(
            told=told,
            made=_when(datetime.fromtimestamp(told["at"]).astimezone()),
            facts=_facts(told),
            deploys=_deploys(served[:last], served, around),
            hosts=[_host(host, most, told["at"]) for host in hosts],
            served=_served(served[:TIMELINE], told["at"]),
            updates=[_update(found, one) for one in found[:TIMELINE]],
        )
    )


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(FOLDER), undefined=StrictUndefined, autoescape=True)


def _when(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _at(one: Served) -> datetime:
    return datetime.fromisoformat(one.at.replace("Z", "+00:00")).astimezone()


def _facts(told: Facts) -> list[tuple[str, str, str]]:
    """The tiles at the top."""
    serving, seen = told["serving"], [host["requests"] for host in told["hosts"] if host["reachable"]]
    tiles = []
    if serving:
        tiles.append(("serves", str(serving["interface"]), f"{serving['server']}, release {serving['release']}"))
    if seen:
        count, errors = sum(one["count"] for one in seen), sum(one["errors"] for one in seen)
        minutes = f"in {seen[0]['window_seconds'] / 60:.0f} minutes"
        tiles.append(("requests", f"{count:,}", minutes))
        tiles.append(("failed (5xx)", f"{errors:,}", f"{100 * errors / count:.2f} %" if count else minutes))
        slow = max(one["p95"] for one in seen)
        tiles.append(("p95", f"{slow:.0f} ms", minutes if len(seen) == 1 else f"slowest host, {minutes}"))
    if told["update"]:
        tiles.append(("made by", f"update {told['update']['number']}", told["update"]["by"] or ""))
    return tiles


def _deploys(shown: Sequence[Served], served: Sequence[Served], around: Around) -> list[Facts]:
    """A chart per switch, the newest first; over several hosts their answers are added up."""
    rows: list[Facts] = []
    for index, one in enumerate(shown):
        before = served[index + 1] if index + 1 < len(served) else None
        seen = together([told[index] for told in around.values() if not isinstance(told, str)])
        title = _title(one, before)
        chart = charts.switch_chart(seen, one.instance, BEFORE, AFTER, f"answers around: {title}") if seen["seconds"] else ""
        rows.append(
            {
                "title": title,
                "when": _when(_at(one)),
                "by": one.by,
                "instance": one.instance,
                "words": _words(seen),
                "chart": Markup(chart),
            }
        )
    return rows


def _title(one: Served, before: Served | None) -> str:
    if before is None:
        return f"first start: {one.interface} ({one.server})"
    parts = []
    if (one.interface, one.server) != (before.interface, before.server):
        parts.append(f"{before.interface} ({before.server}) → {one.interface} ({one.server})")
    if one.release != before.release:
        parts.append(f"release {before.release} → {one.release}")
    if not parts:
        parts.append("Nginx configuration" if one.instance == before.instance else "env, secrets or options")
    return ("rollback: " if one.back else "") + ", ".join(parts)


def together(told: Sequence[Facts]) -> dict[str, Any]:
    """Counts of several hosts added up; of latencies the slowest host's."""
    rows: dict[int, dict[str, Any]] = {}
    for one in told:
        for second in one["seconds"]:
            row = rows.setdefault(
                second["t"], {"t": second["t"], "count": 0, "errors": 0, "p50": 0.0, "p95": 0.0, "instances": {}}
            )
            _add(row, second)
            for name, count in second["instances"].items():
                row["instances"][name] = row["instances"].get(name, 0) + count
    sides = {}
    for side in ("before", "after"):
        sides[side] = {"count": 0, "errors": 0, "p50": 0.0, "p95": 0.0}
        for one in told:
            _add(sides[side], one[side])
    return {"reached": any(one["reached"] for one in told), "seconds": [rows[t] for t in sorted(rows)], **sides}


def _add(row: dict[str, Any], more: Facts) -> None:
    for key in ("count", "errors"):
        row[key] += more[key]
    for key in ("p50", "p95"):
        row[key] = max(row[key], more[key])


def _words(seen: Facts) -> str:
    before, after = seen["before"], seen["after"]
    if not seen["reached"]:
        return "The access log does not go that far back."
    if not seen["seconds"]:
        return "Nobody asked for anything at that time."
    count, errors = before["count"] + after["count"], before["errors"] + after["errors"]
    latency = " and ".join(f"{one['p95']:.0f} ms {side}" for side, one in (("before", before), ("after", after)) if one["count"])
    return f"{count:,} answer{'s' if count != 1 else ''} in {BEFORE + AFTER} s, {errors:,} failed; p95 {latency}."


def _host(host: Facts, most: float, now: float) -> Facts:
    if not host["reachable"]:
        return {"name": host["name"], "error": host["error"]}
    instances = [
        {
            **one,
            "up": age(one["since"], now) if one["since"] else "-",
            "memory": size(one["memory_bytes"]) if one["memory_bytes"] else "-",
            "bar": Markup(charts.bar(one["memory_bytes"], most, one["interface"])),
        }
        for one in host["instances"]
    ]
    seen = host["requests"]
    return {
        "name": host["name"],
        "error": "",
        "instances": instances,
        "minutes": f"{seen['window_seconds'] / 60:.0f}",
        "endpoints": list(seen["endpoints"].items()),
    }


def _served(served: Sequence[Served], now: float) -> list[Facts]:
    """From when to when each served; a bar is as long as the root of that time, so that minutes beside weeks can be seen."""
    ends = [datetime.fromtimestamp(now).astimezone(), *(_at(one) for one in served)]
    lasted = [max(end - _at(one), timedelta()).total_seconds() for end, one in zip(ends, served, strict=False)]
    longest = max(lasted, default=1.0) or 1.0
    return [
        {
            **one.model_dump(include={"interface", "server", "release", "instance", "back"}),
            "since": _when(_at(one)),
            "lasted": age(now - seconds, now),
            "bar": Markup(charts.bar(max(0.02, (seconds / longest) ** 0.5), 1.0, one.interface)),
        }
        for one, seconds in zip(served, lasted, strict=True)
    ]


def _update(found: Sequence[Update], one: Update) -> Facts:
    now = one.serving if one.served else None
    return {
        "number": one.number,
        "when": _when(one.begun.astimezone()),
        "by": one.by,
        "result": one.result if one.kind == "update" else f"{one.kind} {one.result}",
        "served": f"{now.interface} ({now.server}), {now.release}, {now.instance}" if now else "-",
        "changed": what_changed(found, one),
    }
