"""What goes into volumes and build contexts: modes, owners, and nothing of this machine."""

import io
import tarfile
from pathlib import Path

from rendering.dockerfile import GROUP_ID
from settings.source import Source
from targets.common import requirements
from targets.docker.agent import engine
from targets.docker.agent.builds import _copy, _failure, _tar
from targets.docker.requests import ReleaseRequest
from tests.unit.conftest import write


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar.getmembers()}


def test_a_file_has_the_mode_and_group_that_were_asked_for() -> None:
    data = engine.archive({"/etc/gateway/env/a.env": b"A=1\n"}, mode=0o640, gid=GROUP_ID)
    member = members(data)["etc/gateway/env/a.env"]
    assert (member.mode, member.uid, member.gid, member.size, member.isfile()) == (0o640, 0, GROUP_ID, 4, True)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        extracted = tar.extractfile("etc/gateway/env/a.env")
        assert extracted is not None
        assert extracted.read() == b"A=1\n"


def test_a_file_is_for_everybody_to_read_and_root_to_write_unless_told_otherwise() -> None:
    assert members(engine.archive({"a": b""}))["a"].mode == 0o644


def test_a_shared_folder_may_be_written_by_the_group_and_hands_the_group_on() -> None:
    found = members(engine.shared_folder("/srv/media", "/srv/static/files"))
    assert set(found) == {"srv/media", "srv/static/files"}
    assert {(m.mode, m.gid, m.isdir()) for m in found.values()} == {(0o2775, GROUP_ID, True)}


def test_a_build_context_has_the_files_of_the_release_and_no_others(tmp_path: Path) -> None:
    root = write(tmp_path / "project", {"a/b.py": "x", "manage.py": "m", ".gitignore": "local*", "local.py": "secret"})
    (root / "manage.py").chmod(0o755)
    (root / "link").symlink_to("a")
    _copy(Source(root), tmp_path / "context")
    copied = {path.relative_to(tmp_path / "context").as_posix() for path in (tmp_path / "context").rglob("*")}
    assert copied == {"a", "a/b.py", "manage.py", ".gitignore", "link"}
    assert (tmp_path / "context/link").is_symlink()
    assert (tmp_path / "context/manage.py").stat().st_mode & 0o111


def test_a_build_context_is_the_same_archive_whoever_makes_it_and_when(tmp_path: Path) -> None:
    write(tmp_path, {"a/b.py": "x"})
    with _tar(tmp_path) as file:
        found = members(file.read())
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in found.values()} == {(0, 0, "", "", 0)}
    assert "./a/b.py" in found


def test_included_requirements_take_the_place_of_the_line_that_includes_them(tmp_path: Path) -> None:
    write(tmp_path, {"requirements/prod.txt": "-r base.txt\ngunicorn\n", "requirements/base.txt": "Django\n"})
    assert requirements.text(tmp_path, "requirements/prod.txt").split() == ["Django", "gunicorn"]


def test_a_failed_build_begins_with_the_error_and_not_with_the_first_line_of_the_log() -> None:
    request = ReleaseRequest(app="shop", owner="x/y", release="0123456789")
    log = "Step 1/9\n\x1b[91mERROR: No matching distribution found for nosuch\x1b[0m\nnotice: new pip\n"
    first, *rest = _failure(request, "exit status 1", log).splitlines()
    assert first == ("release 0123456789 of shop cannot be built: ERROR: No matching distribution found for nosuch")
    assert rest[-1] == "  | notice: new pip"
    assert "\x1b" not in "".join(rest)


def test_a_full_disk_of_the_engine_is_told_with_the_way_out_whoever_notices_it() -> None:
    request = ReleaseRequest(app="shop", owner="x/y", release="0123456789")
    pip = _failure(request, "exit status 1", "ERROR: Could not install: [Errno 28] No space left on device: '/venv/lib'\n")
    docker = engine.failure("Docker failed", OSError("mkdir /var/lib/docker/overlay2/b5: no space left on device"))
    for first in (pip.splitlines()[0], docker):
        assert "no space left on device" in first.lower()
        assert "; way out: free disk space: df -h, docker system df; lower keepReleases, then run the update again" in first


def test_what_nobody_knows_of_docker_is_told_in_its_own_words() -> None:
    assert engine.failure("Docker failed", OSError("broken pipe")) == "Docker failed (broken pipe); way out: run the update again"
