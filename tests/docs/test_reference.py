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
    for page in [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(DOCS.parent)} -> {target}")
    assert not broken


def test_every_quality_bit_has_a_meaning_and_the_limits_that_set_it():
    from awe.model.mixins import QualityFlag

    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in pages()["quality.md"].splitlines()
        if line.startswith("| ") and line[2].isdigit()
    ]
    assert [(int(row[0]), row[1]) for row in rows] == [
        (flag.value, f"`{flag.name}`") for flag in QualityFlag
    ]
    assert all(row[2].endswith(".") for row in rows)
    limits = {row[1].strip("`"): row[3] for row in rows}
    assert "MINIMUM_INPUTS" in limits["FEW_INPUTS"]
    assert "MAXIMUM_MEDIAN_DIFFERENCE" in limits["CHANGED"]
