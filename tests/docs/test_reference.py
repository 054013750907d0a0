"""The reference is made from the declarations, and every page of the docs can be reached."""

import re
from pathlib import Path

import pytest

from awe.admin.reference import pages

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", sorted(pages()))
def test_reference_page_is_what_the_declarations_say(name):
    written = (DOCS / "reference" / name).read_text()
    assert written == pages()[name], "run: awe-admin reference docs/reference"


def test_every_link_of_the_docs_leads_somewhere():
    broken = []
    for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(DOCS.parent)} -> {target}")
    assert not broken


def test_every_howto_and_reference_page_is_in_the_index():
    index = (DOCS / "index.md").read_text()
    pages_there = [*(DOCS / "howto").glob("*.md"), *(DOCS / "reference").glob("*.md")]
    missing = [p.name for p in pages_there if f"({p.parent.name}/{p.name})" not in index]
    assert not missing
