"""Conditions of queries are values: given by keyword, never changed, equal by their parts."""

from __future__ import annotations

import pytest

from awe.db.query.conditions import And, Compare, Condition, Everything, Like, both

HERE = Compare(steps=(), operator="==", value=1)


def test_conditions_of_equal_parts_are_equal_and_hash_alike() -> None:
    again = Compare(operator="==", value=1, steps=())
    assert again == HERE
    assert hash(again) == hash(HERE)
    assert again != Compare(steps=(), operator="==", value=2)
    assert And(parts=(again,)) == And(parts=(HERE,))
    assert Everything() != Condition()


def test_parts_left_out_take_their_default() -> None:
    assert Like(steps=(), pattern="a*") == Like(steps=(), pattern="a*", ignore_case=False)


@pytest.mark.parametrize("parts", [{}, {"steps": ()}, {"steps": (), "pattern": "", "case": True}])
def test_parts_that_are_missing_or_unknown_are_refused(parts: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="Like takes steps, pattern, ignore_case"):
        Like(**parts)  # type: ignore[arg-type]


def test_a_condition_is_not_changed() -> None:
    with pytest.raises(AttributeError, match="'operator' cannot be set"):
        HERE.operator = "<"  # type: ignore[misc]
    assert repr(HERE) == "Compare(steps=(), operator='==', value=1)"


def test_a_conjunction_is_flat() -> None:
    one, two, three = (Compare(steps=(), operator="==", value=n) for n in range(3))
    assert both(both(one, two), both(Everything(), three)) == And(parts=(one, two, three))
