"""2,000 slow clients by a tool that is not ours, and everybody else is served meanwhile."""

import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.live.local_nginx import LocalNginx, local_nginx
from tests.live.test_front import spec

HOST = "127.0.0.1"
CLIENTS = 2000
SECONDS = 25
WAYS = {
    "headers": ("-H", "-i", "5", "-x", "24"),
    "body": ("-B", "-i", "5", "-s", "8192", "-x", "10"),
    "read": ("-X", "-w", "1", "-y", "2", "-n", "5", "-z", "1", "-k", "1"),
}


@pytest.mark.long
@pytest.mark.skipif(shutil.which("slowhttptest") is None, reason="no slowhttptest on PATH (apt-get install slowhttptest)")
@pytest.mark.parametrize("way", WAYS)
def test_two_thousand_slow_clients_keep_nobody_else_waiting(tmp_path: Path, way: str) -> None:
    site = replace(spec(tmp_path), domains=(HOST,))
    (tmp_path / "static/big.bin").write_bytes(b"x" * 1_000_000)
    with local_nginx(tmp_path, site) as nginx:
        path = "/static/big.bin" if way == "read" else "/"
        command = ["slowhttptest", *WAYS[way], "-c", str(CLIENTS), "-r", "1000", "-l", str(SECONDS)]
        command += ["-u", f"http://{HOST}:{nginx.port}{path}", "-p", "3"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as attack:
            try:
                times, most = _shop_meanwhile(nginx)
            finally:
                attack.terminate()
    assert most >= CLIENTS * 0.9, f"only {most} slow clients at once: this proves nothing"
    assert len(times) > 50
    # The slowest are those of the moment in which all of them come at once, on cores that they share with the tool.
    middle, slowest = sorted(times)[len(times) // 2], max(times)
    assert middle < 0.5, f"half of the answers took {middle:.2f} s and more"
    assert slowest < 10, f"slowest: {slowest:.2f} s"


def _shop_meanwhile(nginx: LocalNginx) -> tuple[list[float], int]:
    """Seconds of each answer to a normal client, every one a 200; and how many connections there were at once."""
    times, most, end = [], 0, time.monotonic() + SECONDS - 5
    while time.monotonic() < end:
        begun = time.monotonic()
        assert nginx.ask(host=HOST).status == 200
        times.append(time.monotonic() - begun)
        most = max(most, _connections(nginx.port))
        time.sleep(0.1)
    return times, most


def _connections(port: int) -> int:
    """Connections to Nginx, as the kernel counts them."""
    wanted = f":{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(1 for row in rows if row[1].endswith(wanted) and row[3] == "01")
