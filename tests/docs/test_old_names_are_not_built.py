"""What is said not to be there is not there: what is built leaves the table and the page."""

from __future__ import annotations

import re
from pathlib import Path

from awe import astrowise
from awe.prompt import namespace

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "astrowise.md"
MEND = "built: out of awe/astrowise.py with it, and docs/reference/astrowise.md says it works"


def test_what_awe_has_is_not_in_the_table_of_what_it_has_not() -> None:
    there = set(namespace.names())
    assert not set(astrowise.INSTEAD) & there, MEND
    assert not {f"{name}Task" for name in astrowise.RECIPES} & there, MEND
    assert all(len(line) < 120 for line in astrowise.INSTEAD.values())


def test_every_line_of_the_chain_that_is_not_there_names_something_of_the_table() -> None:
    chain = PAGE.read_text().split("## The science chain")[1]
    rows = re.findall(r"^\| `(.+?)` \| not there \|", chain, re.MULTILINE)
    known = {*astrowise.INSTEAD, *astrowise.RECIPES}
    unknown = [row for row in rows if not known & set(re.findall(r"\w+", row))]
    assert rows
    assert not unknown, MEND
