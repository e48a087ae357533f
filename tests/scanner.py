"""testssl.sh, a scanner that is not ours: what it finds wrong with a site's TLS."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

GRAVE = {"MEDIUM", "HIGH", "CRITICAL", "FATAL"}
LOOKED_AT = {"cipherlist_STRONG", "HSTS_time", "cert_chain_of_trust"}


def grave_findings(folder: Path, name: str, port: int, root: str, *, address: str = "127.0.0.1") -> dict[str, str]:
    """Id -> finding, of medium severity and above; ``root`` is trusted (PEM). Skips the test where there is no scanner."""
    scanner = shutil.which("testssl") or shutil.which("testssl.sh")
    if scanner is None:
        pytest.skip("no testssl on PATH (apt-get install testssl.sh)")
    trusted, found = folder / "scan-root.pem", folder / "scan.json"
    trusted.write_text(root)
    told = ["--quiet", "--color", "0", "--warnings", "batch", "--nodns", "none", "--add-ca", str(trusted)]
    done = subprocess.run(
        [scanner, *told, "--jsonfile", str(found), "--ip", address, f"{name}:{port}"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    findings = json.loads(found.read_text())
    assert {one["id"].partition(" ")[0] for one in findings} >= LOOKED_AT, done.stdout
    return {one["id"]: f"{one['severity']}: {one['finding']}" for one in findings if one["severity"] in GRAVE}
