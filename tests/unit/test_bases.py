"""Where a base image comes from when no registry answers: the Debian mirror of this machine, whichever way apt names it."""

from pathlib import Path

import pytest

from targets.common.errors import AgentError
from targets.docker.agent.bases import mirror_of
from tests.unit.conftest import write

BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\n'
DEB822 = """\
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
"""


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"apt/sources.list": "deb http://mirror.example/debian bookworm main\n"}, "http://mirror.example/debian"),
        (
            {"apt/sources.list": "deb [signed-by=/x arch=amd64] https://m.example/debian/ bookworm main\n"},
            "https://m.example/debian/",
        ),
        ({"apt/sources.list.d/debian.sources": DEB822}, "http://mirror.example/debian"),
        ({"apt/sources.list.d/own.list": "deb http://m.example/debian bookworm main\n"}, "http://m.example/debian"),
        (
            {
                "apt/sources.list": "# deb http://old.example/debian x main\ndeb-src http://src.example/debian x main\n",
                "apt/sources.list.d/docker.list": "deb https://download.docker.com/linux/debian-x bookworm stable\n",
                "apt/sources.list.d/debian.sources": DEB822,
            },
            "http://mirror.example/debian",
        ),
        (
            {"apt/sources.list": "deb http://sec.example/debian-security x main\ndeb http://m.example/debian x main\n"},
            "http://m.example/debian",
        ),
    ],
    ids=["one-line", "with-options", "deb822", "list-d", "among-others", "not-security"],
)
def test_the_mirror_is_read_from_either_format(tmp_path: Path, files: dict[str, str], found: str) -> None:
    assert mirror_of(write(tmp_path, {"os-release": BOOKWORM, **files})) == ("bookworm", found)


def test_a_quoted_codename_is_read_too(tmp_path: Path) -> None:
    write(tmp_path, {"os-release": 'VERSION_CODENAME="trixie"\n', "apt/sources.list.d/debian.sources": DEB822})
    assert mirror_of(tmp_path)[0] == "trixie"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"os-release": BOOKWORM},
        {"os-release": "ID=alpine\n", "apt/sources.list.d/debian.sources": DEB822},
        {"os-release": BOOKWORM, "apt/sources.list": "deb https://repo.example/private x main\n"},
    ],
    ids=["nothing", "no-apt", "no-codename", "no-debian"],
)
def test_a_machine_without_a_mirror_is_told_what_to_load_instead(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(AgentError) as caught:
        mirror_of(write(tmp_path, files))
    assert "way out: docker load" in str(caught.value).splitlines()[0]
