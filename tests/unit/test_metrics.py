"""The figures for Prometheus: its own tool takes them, and they say what status says."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops import judgement
from ops.metrics import samples
from rendering import monitoring
from targets.common import metrics
from tests.unit.test_status import SETTINGS, A, host, seen, told

ROOT = Path(__file__).resolve().parents[2]


def text(facts: dict[str, Any]) -> str:
    facts = {**facts, "wrong": judgement.wrong(facts, SETTINGS, updating=False)}
    return metrics.text(samples({**facts, "ok": not facts["wrong"]}))


def promtool(*command: str, stdin: str = "") -> str:
    if not shutil.which("promtool"):
        pytest.skip("no promtool on PATH (apt install prometheus)")
    done = subprocess.run(["promtool", *command], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_takes_all_of_them() -> None:
    lively = {"websockets": 7, "streams": 2, "loop_lag_ms": 9.0}
    facts = host(certificate_days=30, requests=seen(("/", 200), ('/say/"hi"\\n/', 500)))
    facts["instances"] = [{**facts["instances"][0], **lively}]
    figures = text(told(facts))
    promtool("check", "metrics", stdin=figures)
    named = {line.split()[2] for line in figures.splitlines() if line.startswith("# TYPE")}
    assert named == set(metrics.ABOUT), "or one of them is never told"


def test_they_say_what_status_says() -> None:
    figures = text(told(host(live="", drift=[{"part": "traffic", "what": "gone"}], requests=seen(*[("/", 502)] * 4))))
    for line in (
        'gateway_ok{app="shop",stack="prod"} 0',
        'gateway_wrong{app="shop",stack="prod"} 2',
        'gateway_drift{app="shop",host="web1",stack="prod"} 1',
        'gateway_window_responses{app="shop",host="web1",stack="prod",status="502"} 4',
        'gateway_error_ratio{app="shop",endpoint="/",host="web1",stack="prod"} 1',
        'gateway_request_duration_seconds{app="shop",endpoint="/",host="web1",percentile="95",stack="prod"} 0.025',
    ):
        assert line in figures.splitlines(), figures
    assert f'instance="{A}"' in figures


def test_a_host_that_cannot_be_looked_at_is_told_as_that() -> None:
    figures = text(told({"name": "web2", "reachable": False, "error": "gone"}))
    assert 'gateway_reachable{app="shop",host="web2",stack="prod"} 0' in figures
    assert "gateway_nginx_running" not in figures


def test_the_alert_rules_and_the_dashboard_name_figures_that_there_are() -> None:
    folder = ROOT / "docs/monitoring"
    promtool("check", "rules", str(folder / "alerts.yml"))
    used = (folder / "alerts.yml").read_text() + (folder / "dashboard.json").read_text()
    words = set(re.findall(r"gateway_\w+", used))
    assert words
    assert words <= set(metrics.ABOUT), words - set(metrics.ABOUT)
    rules = [rule for group in yaml.safe_load((folder / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    assert all(rule["annotations"]["summary"] for rule in rules)


def test_the_timer_of_a_host_writes_where_node_exporter_reads() -> None:
    assert "ExecStart=/usr/local/bin/gateway metrics shop --out /var/lib/prometheus/node-exporter/gateway-shop.prom" in (
        monitoring.service("shop")
    )
    assert f"OnUnitActiveSec={monitoring.SECONDS}" in monitoring.timer("shop")
