"""Steps of the schema are one chain: each follows the one before it, the last is the version."""

from __future__ import annotations

import ast
from pathlib import Path

from awe.db.schema.install import VERSION

STEPS = Path("awe/db/schema/migrations/versions")


def test_each_step_follows_the_one_before():
    paths = sorted((Path(__file__).parents[2] / STEPS).glob("s*.py"))
    told = []
    for path in paths:
        values = {
            name.id: ast.literal_eval(statement.value)
            for statement in ast.parse(path.read_text()).body
            if isinstance(statement, ast.Assign)
            for name in statement.targets
            if isinstance(name, ast.Name) and name.id in {"revision", "down_revision"}
        }
        assert path.name[1:5] == values["revision"], path.name
        told.append((values["down_revision"], values["revision"]))
    numbers = [f"{number:04}" for number in range(int(told[0][1]), VERSION + 1)]
    assert [revision for _, revision in told] == numbers, "one step for each number, up to VERSION"
    assert [before for before, _ in told[1:]] == numbers[:-1]
