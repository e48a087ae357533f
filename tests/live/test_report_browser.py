"""The report in a real browser: on a phone, on a desk and on paper, without a word in the console."""

import struct
import subprocess
from pathlib import Path

import pytest

from tests.devtools import chromium
from tests.unit.test_report import page

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def browser() -> str:
    return chromium()


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_text(page())
    return path


def show(browser: str, report: Path, *options: str) -> str:
    """What the browser says while it shows the page, with no network at all."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"]
    profile = f"--user-data-dir={report.parent}/profile"
    nowhere = "--proxy-server=127.0.0.1:9"
    done = subprocess.run(
        [browser, *flags, profile, nowhere, *options, report.as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_shown_at_that_width_without_a_word_in_the_console(browser: str, report: Path, width: int) -> None:
    picture = report.with_name("picture.png")
    said = show(browser, report, f"--screenshot={picture}", f"--window-size={width},2400")
    assert "CONSOLE" not in said, said
    assert struct.unpack(">II", picture.read_bytes()[16:24]) == (width, 2400)


def test_no_part_of_it_is_wider_than_a_phone(browser: str, report: Path) -> None:
    # The script is the test's own: it notes the page's width where the dump shows it.
    measure = "<script>document.title = 'wide ' + document.documentElement.scrollWidth + ' of ' + innerWidth</script>"
    report.write_text(report.read_text().replace("</body>", f"{measure}</body>"))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={report.parent}/profile", "--window-size=500,900"]
    done = subprocess.run(
        [browser, *flags, "--dump-dom", report.as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    title = done.stdout.partition("<title>")[2].partition("</title>")[0].split()
    assert title[0] == "wide", done.stdout[:500]
    assert int(title[1]) <= int(title[3]), title


def test_it_can_be_printed(browser: str, report: Path) -> None:
    paper = report.with_name("report.pdf")
    show(browser, report, f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF")
