"""The timer on a host that writes the site's figures for node_exporter's textfile collector."""

from rendering.templates import render

TEXTFILES = "/var/lib/prometheus/node-exporter"
"""Where Debian's and Ubuntu's prometheus-node-exporter reads text files."""
SECONDS = 30


def service(app: str) -> str:
    """Text of ``gateway-metrics-<app>.service``."""
    return render("metrics/gateway-metrics.service.j2", app=app, folder=TEXTFILES)


def timer(app: str) -> str:
    """Text of ``gateway-metrics-<app>.timer``."""
    return render("metrics/gateway-metrics.timer.j2", app=app, seconds=SECONDS)
