"""What a scanner that is not ours (testssl.sh) finds wrong with TLS: nothing of medium severity or above."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.authority import authority, write
from tests.deployment import free_port
from tests.live.conftest import shop_config
from tests.live.inprocess import InProcessSite

SCANNER = shutil.which("testssl") or shutil.which("testssl.sh")
GRAVE = {"MEDIUM", "HIGH", "CRITICAL", "FATAL"}


@pytest.mark.long
@pytest.mark.skipif(SCANNER is None, reason="no testssl on PATH (apt-get install testssl.sh)")
def test_a_scanner_finds_nothing_of_medium_severity_or_above(make_site: Callable[[str], InProcessSite], tmp_path: Path) -> None:
    site, ca, port = make_site("tlsscan"), authority(), free_port()
    tls = {**write(tmp_path, *ca.issue(["localhost"])[1:]), "hstsSeconds": 63072000}
    site.up(shop_config(site, tls=tls, httpsPort=port))
    (tmp_path / "root.pem").write_text(ca.root.text)
    found = tmp_path / "found.json"
    told = ["--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none", "--add-ca", str(tmp_path / "root.pem")]
    done = subprocess.run(
        [str(SCANNER), *told, "--jsonfile", str(found), "--ip", "127.0.0.1", f"localhost:{port}"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    findings = json.loads(found.read_text())
    assert {"cipherlist_STRONG", "HSTS_time", "cert_chain_of_trust"} <= {one["id"].partition(" ")[0] for one in findings}, (
        done.stdout
    )
    grave = [f"{one['severity']} {one['id']}: {one['finding']}" for one in findings if one["severity"] in GRAVE]
    assert grave == []
