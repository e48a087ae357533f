"""What a scanner that is not ours (testssl.sh) finds wrong with TLS: nothing of medium severity or above."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.authority import authority, write
from tests.live.conftest import shop_config
from tests.live.inprocess import InProcessSite
from tests.ports import free_port
from tests.scanner import grave_findings


@pytest.mark.long
def test_a_scanner_finds_nothing_of_medium_severity_or_above(make_site: Callable[[str], InProcessSite], tmp_path: Path) -> None:
    site, ca, port = make_site("tlsscan"), authority(), free_port()
    tls = {**write(tmp_path, *ca.issue(["localhost"])[1:]), "hstsSeconds": 63072000}
    site.up(shop_config(site, tls=tls, httpsPort=port))
    assert grave_findings(tmp_path, "localhost", port, ca.root.text) == {}
