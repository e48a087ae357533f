"""People are shopping while interface, release and secrets change: nobody notices."""

import itertools
import re
import shutil
import subprocess
import time
from collections.abc import Callable

import pytest

from bench.load import Load
from rendering.seconds import UPSTREAM_SECONDS
from settings.model import SERVERS
from tests.deployment import Deployment


@pytest.fixture(scope="module")
def site(deploy: Callable[..., Deployment]) -> Deployment:
    site = deploy("switching")
    site.must_up(drainSeconds=6)
    return site


@pytest.mark.parametrize("switches", [6, pytest.param(20, marks=pytest.mark.long)])
def test_switches_releases_and_secrets_lose_no_request_and_close_no_idle_client(site: Deployment, switches: int) -> None:
    served = [site.health()["instance"]]
    with Load(base_url=site.url, host="localhost", rate=60, post_rate=10, slow=1, idle=8, clients=8) as load:
        for number in range(switches):
            _change(site, number, f"{number} of {switches}")
            done = site.plain_up()
            assert done.status == 0, done.text
            served.append(site.health()["instance"])
    report = load.report
    assert report.errors == ()
    assert report.failed == 0, report.summary()
    assert report.closed_idle == 0, report.summary()
    assert report.ok > 60 * switches
    assert all(one != other for one, other in itertools.pairwise(served)), "every change is another instance"
    assert set(report.answers["X-Instance"]) == set(served)
    assert len(site.containers("instance")) == 1


def _change(site: Deployment, number: int, text: str) -> None:
    """Mostly the interface, to and fro; now and then a release or a secret."""
    if number % 5 == 3:
        (site.source / "store/static/store/note.txt").write_text(f"release {text}")
    elif number % 5 == 4:
        site.set_secret("gateway:secrets.API_TOKEN", f"token {text}")
    else:
        site.config["interface"] = "wsgi" if site.config["interface"] == "asgi" else "asgi"
    site.write_config()


def test_a_switch_flat_out_gives_no_read_error_and_no_bad_answer(site: Deployment) -> None:
    if not shutil.which("wrk"):
        pytest.skip("no wrk on PATH (apt install wrk)")
    wrk = subprocess.Popen(
        ["wrk", "-t1", "-c32", "-d14s", "--timeout", "10s", "-H", "Host: localhost", f"{site.url}/"],
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(1)
    site.config["interface"] = "wsgi" if site.config["interface"] == "asgi" else "asgi"
    done = site.plain_up()
    out, _ = wrk.communicate(timeout=60)
    assert done.status == 0, done.text
    assert "Socket errors" not in out, out
    assert "Non-2xx" not in out, out
    assert int(re.findall(r"(\d+) requests in", out)[0]) > 1000


@pytest.mark.parametrize(("server", "successor"), list(itertools.pairwise([*SERVERS["asgi"], "uvicorn"])))
def test_open_streams_live_until_the_drain_ends_then_close_cleanly_and_come_back_on_the_new_instance(
    site: Deployment, server: str, successor: str
) -> None:
    site.must_up(interface="asgi", server=server, drainSeconds=6)
    with Load(base_url=site.url, host="localhost", rate=20, websockets=4, sse=4, clients=4) as load:
        time.sleep(1)
        site.must_up(server=successor)
        time.sleep(2)
    report = load.report
    moved = report.answers["X-Instance"][site.health()["instance"]].first
    assert report.failed == 0, report.summary()
    for streams in (report.websockets, report.sse):
        assert streams["opened"] == 8, (streams, report.summary())
        assert streams["cut"] == 0, (streams, report.summary())
        assert streams["open_failed"] == {}
        assert streams["open_at_end"] == 4
        first_end = streams["first_end"]
        assert first_end is not None
        assert first_end >= moved + 6 - UPSTREAM_SECONDS, f"closed {first_end - moved:.1f} s after the switch"
        assert max(streams["reconnect_ms"]) < 2000
