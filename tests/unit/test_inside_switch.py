"""inside.py switch: one rename moves all traffic, and nobody ever finds the link missing."""

import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from targets.common import inside
from targets.common.inside import switch


def test_it_returns_what_served_before(tmp_path: Path) -> None:
    link = str(tmp_path / "live.sock")
    assert switch(link, "a.sock") == ""
    assert switch(link, "b.sock") == "a.sock"
    assert os.readlink(link) == "b.sock"


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    link = tmp_path / "live.sock"
    switch(str(link), "a.sock")
    before = link.lstat().st_ino
    assert switch(str(link), "a.sock") == "a.sock"
    assert link.lstat().st_ino == before


def test_an_empty_name_takes_the_link_away(tmp_path: Path) -> None:
    link = str(tmp_path / "live.sock")
    switch(link, "a.sock")
    assert switch(link, "") == "a.sock"
    assert not os.path.lexists(link)
    assert switch(link, "") == ""


def test_nothing_else_is_left_beside_the_link(tmp_path: Path) -> None:
    link = str(tmp_path / "live.sock")
    for name in ("a.sock", "b.sock", "a.sock"):
        switch(link, name)
    assert os.listdir(tmp_path) == ["live.sock"]


def test_what_a_killed_switch_left_behind_does_not_stop_the_next_one(tmp_path: Path) -> None:
    link = tmp_path / "live.sock"
    link.with_name(f"live.sock.{os.getpid()}").symlink_to("old.sock")
    switch(str(link), "a.sock")
    assert os.readlink(link) == "a.sock"
    assert os.listdir(tmp_path) == ["live.sock"]


def test_the_old_link_is_there_until_the_moment_of_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = str(tmp_path / "live.sock")
    switch(link, "a.sock")
    seen: list[str] = []

    def rename(beside: str, to: str) -> None:
        seen.extend((os.readlink(link), os.readlink(beside)))
        os.rename(beside, to)

    monkeypatch.setattr(inside.os, "replace", rename)  # type: ignore[attr-defined]
    switch(link, "b.sock")
    assert seen == ["a.sock", "b.sock"]
    assert os.readlink(link) == "b.sock"


def test_a_reader_never_finds_the_link_missing(tmp_path: Path) -> None:
    link = str(tmp_path / "live.sock")
    switch(link, "0.sock")
    seen: Counter[str] = Counter()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                seen[os.readlink(link)] += 1
            except OSError as error:
                seen[f"missing: {error}"] += 1

    reader = threading.Thread(target=read)
    reader.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for number in range(600):
            switch(link, f"{number % 7}.sock")
    finally:
        sys.setswitchinterval(interval)
        done.set()
        reader.join()
    assert set(seen) <= {f"{number}.sock" for number in range(7)}
    assert seen.total() > 300


def test_the_command_prints_what_served_before(tmp_path: Path) -> None:
    command = [sys.executable, inside.__file__, "switch", str(tmp_path / "live.sock")]
    printed = [
        subprocess.run([*command, name], check=True, capture_output=True, text=True).stdout for name in ("a.sock", "b.sock", "")
    ]
    assert printed == ["\n", "a.sock\n", "b.sock\n"]
