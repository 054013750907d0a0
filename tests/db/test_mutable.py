"""What may change after commit is declared once; SQL has the same list."""

from __future__ import annotations

import re

import pytest

from awe.db.declare.attributes import MUTABLE
from tests.architecture.tree import PACKAGE

SQL = PACKAGE / "db" / "schema" / "sql"
LIST = re.compile(r"IN \(([^()]*'is_valid'[^()]*)\)")
PLACES = ("20_protect.sql", "55_user_classes.sql", "80_selfcheck.sql")


def listed(text: str) -> list[set[str]]:
    """Return the lists of a text that name `is_valid`, without the level of privileges."""
    return [set(re.findall(r"'(\w+)'", found)) - {"_privileges"} for found in LIST.findall(text)]


@pytest.mark.parametrize("name", PLACES)
def test_the_schema_knows_the_columns_that_may_change(name: str) -> None:
    found = [names for path in SQL.rglob(name) for names in listed(path.read_text())]
    assert found
    assert all(names == set(MUTABLE) for names in found), found


def test_no_other_file_of_the_schema_has_a_list_of_its_own() -> None:
    others = [path.name for path in SQL.rglob("*.sql") if listed(path.read_text())]
    assert sorted(others) == sorted(PLACES)
