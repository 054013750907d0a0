"""The pages of mended faults name tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "mended.md"
REPORTED = PAGE.with_name("reported.md")
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def functions(path):
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("page", "least"), [(PAGE, 80), (REPORTED, 20)])
def test_every_test_that_is_named_exists(page, least):
    named = NAMED.findall(page.read_text())
    assert len(named) > least
    assert [path for path, _ in named if not (ROOT / path).is_file()] == []
    absent = [f"{path}::{name}" for path, name in named if name and name not in functions(path)]
    assert absent == []


def test_every_fault_names_a_test():
    mended = PAGE.read_text().partition("## What is left open")[0]
    rows = [line for line in mended.splitlines() if line.startswith("| ")]
    faults = [row for row in rows if row != "| fault | test |"]
    assert [row for row in faults if not NAMED.search(row)] == []
