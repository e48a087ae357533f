"""``status`` for a person: reads well on 80 columns."""

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

ENDPOINTS = 10
"""Rows of endpoints."""

Facts = Mapping[str, Any]


def shown(told: Facts) -> Group:
    """What serves, whether all is well, then each host."""
    parts: list[RenderableType] = [_head(told), _verdict(told)]
    for host in told["hosts"]:
        parts.append(Text())
        parts += _host(host, told["at"]) if host["reachable"] else [Text(f"{host['name']}: {host['error']}", "red")]
    return Group(*parts)


def _head(told: Facts) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    serving, update = told["serving"], told["update"]
    table.add_row(told["app"], f"stack {told['stack']}, {told['url']}")
    if serving:
        table.add_row("serves", "{interface} ({server}), release {release}, instance {instance}".format(**serving))
    if update:
        table.add_row(
            "made by", f"update {update['number']}, {update['at'][:19]}Z, {update['by'] or 'unknown'}: {update['message']}"
        )
        if update["last_result"] != "succeeded":
            table.add_row("", f"the last one, update {update['last']}, {update['last_result']}: make history")
    if told["lock"]:
        table.add_row("lock", told["lock"])
    if told["maintenance"]:
        table.add_row("closed", "everybody but maintenanceAllow is shown the maintenance page")
    return table


def _verdict(told: Facts) -> Group:
    if told["ok"]:
        return Group(Text("all is well", "green"))
    count = len(told["wrong"])
    lines = [Text(f"{count} thing{'s are' if count != 1 else ' is'} wrong", "bold red")]
    for one in told["wrong"]:
        where = f"{one['host']}: " if one["host"] and len(told["hosts"]) > 1 else ""
        lines += [Text(f"  {where}{one['what']}", "red"), Text(f"    way out: {one['fix']}")]
    return Group(*lines)


def _host(host: Facts, now: float) -> list[RenderableType]:
    disks = ", ".join(f"{size(one['free_bytes'])} free on {one['path']}" for one in host["disk"])
    nginx = f"Nginx {host['nginx']['state']}{since(host['nginx']['since'], now)}"
    days = host.get("certificate_days")
    certificate = f"certificate {days} days" if days is not None else ""
    head = Text("; ".join(filter(None, [nginx, disks, certificate])))
    return [Text.assemble((f"{host['name']}  ", "bold"), head), _instances(host, now), *_requests(host["requests"])]


def _instances(host: Facts, now: float) -> Table:
    table = _table("instance", "", "state", "up", "workers", "starts", "memory", "conns", "ws", left=3)
    for one in host["instances"]:
        table.add_row(
            one["instance"],
            one["role"],
            one["state"],
            age(one["since"], now) if one["since"] else "-",
            str(one["workers"] or "-"),
            str(one["restarts"] + 1) if one["state"] == "running" else "-",
            size(one["memory_bytes"]) if one["memory_bytes"] else "-",
            str(one["connections"]),
            str(one.get("websockets", "-")),
        )
    return table


def _requests(seen: Facts) -> list[RenderableType]:
    minutes = f"{seen['window_seconds'] / 60:.0f} min"
    if not seen["count"]:
        return [Text(f"no request in {minutes}")]
    minute = seen["last_minute"]
    line = f"{seen['count']} requests in {minutes}; last minute {minute['per_second']:.1f}/s, p95 {minute['p95']:.0f} ms, "
    line += f"{minute['error_percent']:.1f} % 5xx; 502: {seen['bad_gateway']}, 504: {seen['gateway_timeout']}"
    table = _table("endpoint", "count", "/s", "p50", "p95", "p99", "4xx", "5xx", left=1)
    rows = list(seen["endpoints"].items())
    for name, one in rows[:ENDPOINTS]:
        figures = (f"{one['per_second']:.1f}", *(f"{one[part]:.0f}" for part in ("p50", "p95", "p99")))
        style = "red" if one["errors"] else ""
        table.add_row(name, str(one["count"]), *figures, str(one["refused"]), str(one["errors"]), style=style)
    more = [Text(f"{len(rows) - ENDPOINTS} more endpoints: --json")] if len(rows) > ENDPOINTS else []
    return [Text(line), table, *more]


def _table(*columns: str, left: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        aligned = "left" if number < left else "right"
        table.add_column(column, justify=aligned, no_wrap=True, overflow="ellipsis", max_width=32)  # type: ignore[arg-type]
    return table


def size(count: float) -> str:
    """Bytes in words."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def since(moment: float | None, now: float) -> str:
    """`` for 3 h``, '' where nobody knows."""
    return f" for {age(moment, now)}" if moment else ""


def age(moment: float | None, now: float | None = None) -> str:
    """How long ago, roughly."""
    seconds = max(0.0, (now or time.time()) - (moment or 0))
    for limit, divisor, unit in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"
