"""Files that cannot be read, or should not be, never stop the advisor; it tells which ones they were."""

import os
from pathlib import Path

import pytest

from advisor.code import LARGEST
from tests.unit.advising import MakeProject, advised, places
from tests.unit.conftest import CHANNELS, write

ASYNC = "import time\nasync def page(request):\n    time.sleep(1)\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("async def page(request:\n", 1),
        ("async def page(request):\n    print 'hello'\n", 2),
        ("import os\nprint 'hello'\n", 2),
        ("try:\n    pass\nexcept IOError, error:\n    pass\n", 3),
    ],
)
def test_a_file_that_is_no_python_3_is_told_with_its_line(project: MakeProject, text: str, line: int) -> None:
    advice = advised(project({"shop/legacy.py": text, "shop/asgi.py": CHANNELS}))
    (unread,) = advice.unread
    assert (unread.file, unread.line) == ("shop/legacy.py", line)
    assert "not Python 3" in unread.why
    assert advice.interface == "asgi"


def test_an_asgi_py_that_cannot_be_parsed_does_not_decide(project: MakeProject) -> None:
    advice = advised(project({"shop/asgi.py": CHANNELS + "(\n"}))
    assert (advice.interface, advice.sure, [one.file for one in advice.unread]) == ("wsgi", False, ["shop/asgi.py"])
    assert advice.because.endswith("; shop/asgi.py, which might have, could not be read")


def test_a_file_without_a_word_of_interest_leaves_no_doubt(project: MakeProject) -> None:
    assert advised(project({"shop/legacy.py": "print 'hello'\n"})).sure


def test_a_huge_file_is_left_out_and_told(project: MakeProject) -> None:
    advice = advised(project({"shop/tables.py": ASYNC + "#" * LARGEST}))
    assert [(one.file, one.why) for one in advice.unread] == [("shop/tables.py", "larger than 1000 kB: left out")]


@pytest.mark.parametrize("text", ["x = " + "(" * 3000 + ")" * 3000, "x = " + "-" * 100_000 + "1", "x = 1" + " + 1" * 20_000])
def test_code_that_is_nested_beyond_reason_breaks_nothing(project: MakeProject, text: str) -> None:
    assert places(advised(project({"shop/deep.py": f"{ASYNC}{text}\n", "shop/asgi.py": CHANNELS})), "needs") == ["shop/asgi.py:3"]


def test_bytes_that_are_no_text_break_nothing(project: MakeProject) -> None:
    root = project({"shop/asgi.py": CHANNELS})
    (root / "shop/odd.py").write_bytes(b"async def \xff\xfe\x00 websocket\n")
    (root / "shop/latin.py").write_bytes("# -*- coding: latin-1 -*-\nname = 'caf\xe9'\nasync def x(): pass\n".encode("latin-1"))
    (root / "shop/bom.py").write_bytes(b"\xef\xbb\xbf" + ASYNC.encode())
    advice = advised(root)
    assert (advice.interface, [one.file for one in advice.unread]) == ("asgi", ["shop/odd.py"])


def test_links_and_folders_with_odd_names_break_nothing(project: MakeProject, tmp_path: Path) -> None:
    root = project({"shop/asgi.py": CHANNELS, "shop/dir.py/note.txt": ""})
    os.symlink(tmp_path / "nowhere.py", root / "shop/gone.py")
    os.symlink(root, root / "shop/round")
    assert advised(root).interface == "asgi"


def test_a_project_below_the_folder_is_found(tmp_path: Path) -> None:
    files = {
        "backend/manage.py": "DJANGO_SETTINGS_MODULE', 'site.settings'",
        "backend/site/asgi.py": CHANNELS,
        "backend/site/wsgi.py": "",
    }
    root = write(tmp_path, {**files, "backend/site/settings.py": "CONN_MAX_AGE = 60\n"})
    advice = advised(root)
    assert (advice.interface, places(advice)) == ("asgi", ["backend/site/asgi.py:3", "backend/site/settings.py:1"])


def test_what_git_ignores_is_not_looked_at(project: MakeProject) -> None:
    urls = "urlpatterns = [page]\n"
    assert not advised(project({".gitignore": "build/\n", "build/shop/views.py": ASYNC, "shop/urls.py": urls})).evidence
