"""Figures of a site in Prometheus' text format, from what a look has found. Standard library only: hosts write it themselves."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Labels = Mapping[str, str]
Sample = tuple[str, Labels, float]
Facts = Mapping[str, Any]

ABOUT = {
    "gateway_reachable": "Whether the host or engine could be looked at.",
    "gateway_ok": "Whether all is well with the site, as make status says it.",
    "gateway_wrong": "How many things are wrong, as make status names them.",
    "gateway_drift": "How many things are other than the stack made them.",
    "gateway_update_running": "Whether an update of the stack is at work.",
    "gateway_last_good_update_timestamp_seconds": "When the last update began that ended well.",
    "gateway_last_update_failed": "Whether the last update failed; what served before it serves.",
    "gateway_nginx_running": "Whether Nginx runs.",
    "gateway_certificate_remaining_seconds": "How long the certificate is still good.",
    "gateway_disk_free_bytes": "Free space on a disk of the site.",
    "gateway_disk_size_bytes": "Size of a disk of the site.",
    "gateway_instance_live": "Whether the instance has the traffic.",
    "gateway_instance_running": "Whether the instance runs.",
    "gateway_instance_start_time_seconds": "When the instance was started last.",
    "gateway_instance_workers": "Server processes of the instance.",
    "gateway_instance_restarts_total": "How often the instance was started again after a crash.",
    "gateway_instance_memory_bytes": "Memory of the instance, without droppable file cache.",
    "gateway_instance_connections": "Connections of Nginx to the instance: requests, streams and idle ones.",
    "gateway_instance_websockets": "Open WebSockets of the instance.",
    "gateway_instance_streams": "Open event streams of the instance.",
    "gateway_instance_event_loop_lag_seconds": "Longest delay of the event loops lately, under ASGI.",
    "gateway_window_seconds": "Length of the time that the request figures are of.",
    "gateway_window_requests": "Requests in the window by page.",
    "gateway_window_responses": "Answers in the window by status.",
    "gateway_requests_per_second": "Requests per second in the window by page.",
    "gateway_error_ratio": "Share of answers in the window that were 5xx by page.",
    "gateway_request_duration_seconds": "Time of requests in the window by page and percentile.",
}
"""Every figure there is; docs/status.md tells how to alert on them."""

_INSTANCE = (
    ("workers", "workers", 1.0),
    ("restarts", "restarts_total", 1.0),
    ("memory_bytes", "memory_bytes", 1.0),
    ("connections", "connections", 1.0),
    ("websockets", "websockets", 1.0),
    ("streams", "streams", 1.0),
    ("loop_lag_ms", "event_loop_lag_seconds", 0.001),
    ("since", "start_time_seconds", 1.0),
)


def of_host(facts: Facts, labels: Labels) -> Iterator[Sample]:
    """Of what one look has found on a host or an engine."""
    yield "gateway_drift", labels, len(facts["drift"])
    yield "gateway_nginx_running", labels, facts["nginx"]["state"] in ("active", "running")
    if facts.get("certificate_days") is not None:
        yield "gateway_certificate_remaining_seconds", labels, facts["certificate_days"] * 86400
    for disk in facts["disk"]:
        own = {**labels, "path": disk["path"]}
        yield "gateway_disk_free_bytes", own, disk["free_bytes"]
        yield "gateway_disk_size_bytes", own, disk["total_bytes"]
    for one in facts["instances"]:
        own = {**labels, **{key: one[key] for key in ("instance", "interface", "server", "release")}}
        yield "gateway_instance_live", own, one["role"] == "live"
        yield "gateway_instance_running", own, one["state"] == "running"
        for key, name, factor in _INSTANCE:
            if one.get(key) is not None and one["state"] == "running":
                yield f"gateway_instance_{name}", own, one[key] * factor
    yield from _requests(facts["requests"], labels)


def _requests(seen: Facts, labels: Labels) -> Iterator[Sample]:
    yield "gateway_window_seconds", labels, seen["window_seconds"]
    for status in sorted({"502", "504", *seen["statuses"]}):  # an alert needs a 0 too
        yield "gateway_window_responses", {**labels, "status": status}, seen["statuses"].get(status, 0)
    for endpoint, one in seen["endpoints"].items():
        own = {**labels, "endpoint": endpoint}
        yield "gateway_window_requests", own, one["count"]
        yield "gateway_requests_per_second", own, one["per_second"]
        yield "gateway_error_ratio", own, one["error_percent"] / 100
        for percentile in ("50", "95", "99"):
            yield "gateway_request_duration_seconds", {**own, "percentile": percentile}, one[f"p{percentile}"] / 1000


def text(samples: Iterable[Sample]) -> str:
    """The text format: each figure with its type and what it is, samples of one figure together."""
    rows: dict[str, list[str]] = {}
    for name, labels, value in samples:
        told = ",".join(f'{key}="{_escaped(one)}"' for key, one in sorted(labels.items()))
        rows.setdefault(name, []).append(f"{name}{{{told}}} {float(value):.12g}")
    lines = []
    for name, about in ABOUT.items():
        if name in rows:
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += [f"# HELP {name} {about}", f"# TYPE {name} {kind}", *rows[name]]
    return "".join(f"{line}\n" for line in lines)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
