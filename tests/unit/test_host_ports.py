"""A port that somebody else has, on a host: who it is, and what a failed update says of it."""

import subprocess
import time
from pathlib import Path

import pytest

from targets.common.diagnosis import recognise
from targets.host.agent import error_log, ports, system
from tests.unit.test_diagnosis import said

SS = 'LISTEN 0 5 0.0.0.0:21234 0.0.0.0:* users:(("python3",pid=77,fd=3))\n'


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> "dict[str, str]":
    """What programs on the host say."""
    told = {"ss": SS, "journalctl": said("port-systemd")}

    def run(*command: str, **_: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess(command, 0, told[command[0]], "")

    monkeypatch.setattr(system, "run", run)
    return told


def nginx_said(tmp_path: Path, *texts: str, ago: float = 0) -> Path:
    """Its error log."""
    stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.localtime(time.time() - ago))
    path = tmp_path / "error.log"
    path.write_text("".join(f"{stamp} [emerg] 10#10: {text}\n" for text in texts))
    return path


def test_an_instances_port_is_told_with_the_line_and_the_program(host: "dict[str, str]") -> None:
    reason, lines = ports.refused("shop-0123456789", 21234, 0)
    assert reason == (
        "somebody else has the port or socket (Failed to create listening socket (127.0.0.1:21234): Address already in use; "
        "python3 (pid 77) listens on port 21234)"
    )
    assert lines == host["journalctl"]
    found = recognise(reason)
    assert found is not None
    assert "serving: socket needs no port" in found.fix, "another httpPort would not help"


def test_any_other_reason_of_systemd_is_told_in_its_words(host: "dict[str, str]") -> None:
    host["journalctl"] = "shop-0123456789.socket: Failed to resolve user shop: No such process\n"
    assert ports.refused("shop-0123456789", 0, 0)[0] == "Failed to resolve user shop: No such process"
    host["journalctl"] = ""
    assert ports.refused("shop-0123456789", 0, 0)[0] == "systemd gave no reason"


def test_nginxs_port_is_told_with_the_line_and_the_program(host: "dict[str, str]", tmp_path: Path) -> None:
    path = nginx_said(tmp_path, "bind() to 0.0.0.0:80 failed (98: Address already in use)", "still could not bind()")
    assert error_log.why(time.time() - 5, path) == (
        ": somebody else has the port of Nginx (bind() to 0.0.0.0:80 failed (98: Address already in use); "
        "python3 (pid 77) listens on port 80); way out: find out who: ss -ltnp; stop that, or choose another httpPort"
    )


def test_what_nginx_said_before_is_past_and_what_no_rule_knows_is_told_as_it_is(tmp_path: Path) -> None:
    path = nginx_said(tmp_path, "bind() to 0.0.0.0:80 failed (98: Address already in use)", ago=60)
    assert error_log.why(time.time(), path) == "; way out: journalctl -u nginx"
    path = nginx_said(tmp_path, "unexpected end of file")
    assert error_log.why(time.time() - 5, path) == ": unexpected end of file; way out: journalctl -u nginx"
