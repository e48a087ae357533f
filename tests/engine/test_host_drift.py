"""Somebody has been at a host by hand: status names it, the next up makes it right while people go on shopping."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.load import Load
from tests.deployment import eventually
from tests.hosting import HostDeployment
from tests.live.hosts import TestHost

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def host(linux: Callable[..., TestHost]) -> TestHost:
    return linux("drift")


@pytest.fixture(scope="module")
def site(deploy_to_hosts: Callable[..., HostDeployment], host: TestHost) -> HostDeployment:
    site = deploy_to_hosts("hostdrift", [host])
    site.must_up(metrics=True)
    return site


def status(site: HostDeployment) -> dict[str, Any]:
    """``make status JSON=1``."""
    done = site.ops("status", "--json")
    told: dict[str, Any] = json.loads(done.out)
    assert done.status == (0 if told["ok"] else 1), done.text
    return told


def found(site: HostDeployment) -> list[str]:
    return [one["what"] for one in status(site)["wrong"]]


def test_status_tells_what_serves_and_agrees_with_who_asked(site: HostDeployment, host: TestHost) -> None:
    with Load(base_url=site.url, host=site.domain, rate=40, post_rate=5, clients=4, paths={"/": 1, "/health/": 1}) as load:
        eventually(lambda: load.report.ok > 300, 30, "a few hundred answers")
    asked = load.report.sent
    told: dict[str, Any] = {}

    def written() -> bool:
        told.update(status(site))
        return bool(told["hosts"][0]["requests"]["count"] >= asked)

    eventually(written, 15, "Nginx has written its last lines")
    (facts,) = told["hosts"]
    assert facts["requests"]["count"] <= asked * 1.01 + 5, "and what asked for its health"
    assert facts["requests"]["errors"] == load.report.failed == 0
    pages = facts["requests"]["endpoints"]
    assert sum(one["count"] for one in pages.values()) == facts["requests"]["count"]
    assert 0 < pages["/"]["p50"] <= pages["/"]["p95"] <= pages["/"]["p99"]
    (instance,) = facts["instances"]
    serving = site.outputs()
    assert {key: instance[key] for key in ("instance", "interface", "server", "release")} == {
        key: serving[key] for key in ("instance", "interface", "server", "release")
    }
    assert (instance["role"], instance["state"], instance["workers"], instance["restarts"]) == ("live", "running", 3, 0)
    assert 20e6 < instance["memory_bytes"] < 2e9
    assert told["update"]["number"] == 1
    assert "@" in told["update"]["by"]


def test_figures_are_written_for_node_exporter_and_promtool_takes_them(site: HostDeployment, host: TestHost) -> None:
    file = "/var/lib/prometheus/node-exporter/gateway-hostdrift.prom"
    assert "active" in host.run("systemctl", "is-active", "gateway-metrics-hostdrift.timer")
    host.run("systemctl", "start", "gateway-metrics-hostdrift.service")
    text = host.run("cat", file)
    assert re.search(r'^gateway_instance_live\{app="hostdrift".*interface="wsgi".*\} 1$', text, re.MULTILINE), text
    assert re.search(r'^gateway_ok\{app="hostdrift".*\} 1$', text, re.MULTILINE), text
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_watch_costs_less_than_a_percent_of_a_core_here_and_on_the_host(site: HostDeployment, host: TestHost) -> None:
    with Load(base_url=site.url, host=site.domain, rate=40, clients=4):
        watch = site.start("--json", "--watch", verb="status")
        try:
            assert watch.stdout is not None
            first = json.loads(watch.stdout.readline())
            agent = host.sh("pgrep -f 'targets/host/agent loo[k]'").split()
            here, there, begun = cpu_seconds(Path(f"/proc/{watch.pid}")), on_host(host, agent), time.monotonic()
            while time.monotonic() - begun < WATCHED_SECONDS:
                last = json.loads(watch.stdout.readline())
            passed = time.monotonic() - begun
            assert (cpu_seconds(Path(f"/proc/{watch.pid}")) - here) / passed < 0.01
            assert (on_host(host, agent) - there) / passed < 0.01
        finally:
            watch.send_signal(signal.SIGINT)
            watch.wait(timeout=20)
    assert last["at"] - first["at"] > WATCHED_SECONDS / 2
    assert last["hosts"][0]["requests"]["count"] > first["hosts"][0]["requests"]["count"]
    eventually(lambda: host.sh("pgrep -f 'targets/host/agent loo[k]'", check=False) == "", 20, "nothing is left on the host")


WATCHED_SECONDS = 20


def cpu_seconds(process: Path) -> float:
    """Of a process and those of its children that have ended."""
    return ticks((process / "stat").read_text())


def on_host(host: TestHost, pids: list[str]) -> float:
    """Of processes on a host."""
    return sum(ticks(host.run("cat", f"/proc/{pid}/stat")) for pid in pids)


def ticks(stat: str) -> float:
    return sum(map(int, stat.rpartition(")")[2].split()[11:15])) / os.sysconf("SC_CLK_TCK")


GENTLE = {
    "env file edited": ("for one in /etc/hostdrift/env/*.env; do echo \"DEBUG='1'\" >> $one; done", ".env was changed"),
    "unit edited": ("sed -i s/^Restart=always/Restart=no/ /etc/systemd/system/hostdrift-*.service", ".service was changed"),
    "unit overridden": (
        "cd /etc/systemd/system; d=$(ls hostdrift-??????????.service).d; mkdir $d; "
        "printf '[Service]\\nNice=5\\n' > $d/override.conf",
        "has a drop-in",
    ),
    "unit disabled": (
        "systemctl disable -q hostdrift-*.service 2>&1; rm -f /etc/systemd/system/*/hostdrift-*.service",
        "is disabled",
    ),
    "link moved": ("ln -sfn releases/nowhere /srv/hostdrift/current", "/srv/hostdrift/current names releases/nowhere"),
    "static file removed": ("rm /srv/hostdrift/static/store/shop.*.css", "static file /srv/hostdrift/static/store/shop."),
    "Nginx's site edited": ("echo '# mine' >> /etc/nginx/sites-available/hostdrift.conf", "hostdrift.conf was changed"),
    "Nginx disabled": ("systemctl disable -q nginx", "Nginx is disabled"),
}
"""What nobody notices until it is too late."""


def test_what_was_changed_by_hand_is_named_and_put_right_under_load(site: HostDeployment, host: TestHost) -> None:
    assert found(site) == []
    assert "nothing to do" in site.must_up().out
    serving = site.health()
    for script, _ in GENTLE.values():
        host.sh(script, check=False)
    host.run("systemctl", "daemon-reload")
    wrong = found(site)
    for kind, (_, words) in GENTLE.items():
        assert any(words in one for one in wrong), (kind, wrong)
    with Load(base_url=site.url, host=site.domain, rate=30, clients=4) as load:
        site.must_up()
    assert load.report.lost == 0, load.report.summary()
    assert found(site) == []
    assert site.health() == serving
    assert "nothing to do" in site.must_up().out


BREAKING = {
    "unit stopped": ("systemctl stop hostdrift-*.service hostdrift-*.socket", "does not run"),
    "unit removed": (
        "systemctl stop hostdrift-*.socket hostdrift-*.service; rm /etc/systemd/system/hostdrift-*; systemctl daemon-reload",
        "is gone",
    ),
    "live.sock moved": ("ln -sfn nowhere.sock /run/hostdrift/live.sock", "traffic is on nowhere"),
    "live.sock removed": ("rm /run/hostdrift/live.sock", "traffic is on nothing"),
    "Nginx stopped": ("systemctl stop nginx", "Nginx does not run"),
    "Nginx's site disabled": ("rm /etc/nginx/sites-enabled/hostdrift.conf; systemctl reload nginx", "is not enabled"),
    "Nginx's site broken": ("echo nonsense > /etc/nginx/sites-available/hostdrift.conf", "hostdrift.conf was changed"),
    "env file removed": ("rm /etc/hostdrift/env/*.env", ".env is gone"),
    "manifest removed": ("rm /srv/hostdrift/facts/*.manifest", "the static manifest"),
}


@pytest.mark.parametrize("kind", BREAKING, ids=[name.replace(" ", "-") for name in BREAKING])
def test_each_kind_of_damage_is_named_and_the_next_up_serves_as_before(site: HostDeployment, host: TestHost, kind: str) -> None:
    script, words = BREAKING[kind]
    serving = site.outputs()["instance"]
    host.sh(script)
    wrong = found(site)
    assert any(words in one for one in wrong), (kind, wrong)
    site.must_up()
    assert found(site) == []
    assert site.health()["instance"] == serving


def test_a_host_that_cannot_be_reached_is_status_3(site: HostDeployment, host: TestHost) -> None:
    host.sh("systemctl stop ssh.socket ssh; pkill -x sshd; true")
    try:
        done = site.ops("status")
        assert done.status == 3, done.text
        assert host.address in done.err
        assert "Traceback" not in done.text
    finally:
        host.sh("systemctl start ssh")


def test_down_takes_timer_and_figures_along(site: HostDeployment, host: TestHost) -> None:
    assert site.ops("down").status == 0
    left = host.sh("ls /etc/systemd/system/gateway-metrics-* /var/lib/prometheus/node-exporter/* 2>/dev/null", check=False)
    assert left == ""
