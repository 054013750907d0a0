"""INSERTs of one row that are repeated are planned once, and store the same as before."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest

from awe.db.server.connection import database
from awe.db.server.prepared import SENT
from awe.errors import Refused

PREPARED = "SELECT name, statement FROM pg_prepared_statements WHERE name LIKE 'insert_%'"


def plate(model: Any, number: int) -> Any:
    """Return an object with a value of every kind there is."""
    return model.Plate(
        name=f"p{number}", taken=datetime.datetime(2012, 6, 1, 8, 51, 44), exposure=30 + number,
        number=number, good=number % 2 == 0, marks=list(range(number)), label=uuid.uuid4(),
        notes={"a": [1, None, "x'\\%s"]},
    )  # fmt: skip


def test_what_is_committed_again_and_again_is_prepared_once_and_comes_back_equal(
    model: Any, login: Any
) -> None:
    login()
    made = [plate(model, number) for number in range(SENT + 3)]
    for one in made:
        one.commit()
    ((_, statement),) = database.execute(PREPARED)
    assert "plate" in statement
    names = model.Plate.get_persistent_properties()
    wanted = [{name: getattr(one, name) for name in names} for one in made]
    login()
    for one, values in zip(made, wanted, strict=True):
        found = model.Plate(object_id=str(one.object_id))
        assert {name: getattr(found, name) for name in names} == values


def test_a_first_commit_prepares_nothing(model: Any, login: Any) -> None:
    login()
    for number in range(SENT):
        plate(model, number).commit()
    assert database.execute(PREPARED) == []


def test_a_refusal_leaves_the_prepared_statement_usable(model: Any, login: Any) -> None:
    login()
    for number in range(SENT + 1):
        model.Tint(name=f"t{number}").commit()
    with pytest.raises(Refused, match="such an object already"):
        model.Tint(name="t0").commit()
    model.Tint(name="after").commit()
    assert len(model.Tint.select_all()) == SENT + 2


def test_another_connection_knows_nothing_of_the_statements_of_the_last(
    model: Any, login: Any
) -> None:
    login()
    for number in range(SENT + 1):
        plate(model, number).commit()
    database.close()
    plate(model, 9).commit()
    assert database.execute(PREPARED) == []
    assert len(model.Plate.select_all()) == SENT + 2
