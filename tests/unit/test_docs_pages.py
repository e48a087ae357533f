"""What the pages point at is there."""

import re
from pathlib import Path

import pytest

from tests.deployment import ROOT

NAMES = ("checklist", "engines", "hosts", "preflight", "rollback", "switch-interface", "when-it-fails", "your-project")
PAGES = [ROOT / "README.md", *(ROOT / f"docs/{name}.md" for name in NAMES)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    lost = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert lost == []


def test_every_test_that_the_checklist_names_is_there() -> None:
    named = re.findall(r"\b((?:unit|live|engine)/\w+\.py)", (ROOT / "docs/checklist.md").read_text())
    assert named
    assert [name for name in named if not (ROOT / "tests" / name).exists()] == []
