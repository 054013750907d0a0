"""A few of the mistakes of `mutants`; `python -m tests.rights.mutation` plants them all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mutants import MUTANTS

from awe.db.schema import install as schema
from tests.rights.mutation import noticed

SHORT = (
    "deleted private objects shown to managers", "managers publish", "a link opens every file",
)


def test_without_a_mistake_nothing_is_noticed(cluster, template):
    assert noticed(cluster, None) is None


@pytest.mark.parametrize("name", SHORT)
def test_a_mistake_is_noticed(cluster, template, name):
    [mutant] = [mutant for mutant in MUTANTS if mutant.name == name]
    assert noticed(cluster, mutant)


def test_every_mistake_can_still_be_planted():
    files = schema._sql_files()
    assert [mutant.name for mutant in MUTANTS if files[mutant.file].count(mutant.old) != 1] == []
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 90


def test_the_command_that_plants_them_all_finds_what_it_needs():
    subprocess.run([sys.executable, "-c", "import tests.rights.mutation"], check=True,
                   cwd=Path(__file__).parents[2])
