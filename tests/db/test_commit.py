"""Objects go in whole, come back equal, and never change."""

from __future__ import annotations

import datetime
import pickle
import uuid
from typing import Any

import pytest

from awe.db.objects.commit import commit_all, delete, update
from awe.db.server.connection import database
from awe.errors import ArgumentError, AttributeUnknown, NotFound, Refused


def test_an_object_and_all_it_links_to_come_back_equal(model: Any, login: Any) -> None:
    login()
    tint = model.Tint(name="r", wavelength=620)
    plate = model.Plate(
        name="p1", tint=tint, taken=datetime.datetime(2012, 6, 1, 8, 51, 44), exposure=30,
        number=7, good=True, marks=[1, 2, 3], notes={"a": [1, None, "x"]}, label=uuid.uuid4(),
    )  # fmt: skip
    stack = model.Stack(plates=[plate, model.Plate(name="p2")], first=plate, level=1.5)
    stack.commit()
    wanted = {name: getattr(plate, name) for name in model.Plate.get_persistent_properties()}
    login()
    found = model.Stack(object_id=str(stack.object_id))
    assert found is not stack
    assert found == stack
    assert [p.name for p in found.plates] == ["p1", "p2"]
    assert {name: getattr(found.first, name) for name in wanted} == wanted
    assert found.plates[0] is found.first
    assert abs(found.creation_date - datetime.datetime.now(datetime.UTC).replace(tzinfo=None)) < (
        datetime.timedelta(minutes=1)
    )


def test_a_committed_object_never_changes(model: Any, login: Any) -> None:
    login()
    plate = model.Plate(name="p", marks=[1], notes={"a": 1})
    plate.commit()
    with pytest.raises(Refused, match="committed"):
        plate.name = "q"
    with pytest.raises(Refused, match=r"context\.update_is_valid"):
        plate.is_valid = 0
    with pytest.raises(Refused, match="never changes"):
        plate.marks.append(2)
    plate.notes["a"] = 2
    assert plate.notes == {"a": 1}


def test_nothing_is_stored_when_one_part_is_refused(model: Any, login: Any) -> None:
    login()
    model.Tint(name="r").commit()
    plate = model.Plate(name="p", tint=model.Tint(name="r"))
    with pytest.raises(Refused, match="such an object already"):
        plate.commit()
    assert len(model.Plate.select_all()) == 0
    assert len(model.Tint.select_all()) == 1
    assert not plate._committed


def test_hundreds_of_objects_take_few_statements(model: Any, login: Any) -> None:
    login()
    plates = [model.Plate(name=f"p{i}", tint=model.Tint(name=f"t{i}")) for i in range(500)]
    before = database.statements
    commit_all(plates)
    assert database.statements - before <= 4
    assert len(model.Plate.select_all()) == 500


def test_circles_of_new_objects_are_named(model: Any, login: Any) -> None:
    login()
    one, two = model.Plate(name="one"), model.Plate(name="two")
    one.twin, two.twin = two, one
    with pytest.raises(ArgumentError, match="links to itself"):
        one.commit()


def test_values_of_the_wrong_type_are_refused_by_name(model: Any) -> None:
    with pytest.raises(ArgumentError, match=r"Plate.number is int: found 'x' \(str\)"):
        model.Plate(number="x")
    with pytest.raises(ArgumentError, match="expected an object of class Tint"):
        model.Plate(tint="r")
    with pytest.raises(ArgumentError, match=r"plates is a list of Plate: .* expected an object"):
        model.Stack().plates.append(model.Tint())
    with pytest.raises(ArgumentError, match="NUL"):
        model.Plate(name="a\0b")
    with pytest.raises(ArgumentError, match="valid unicode"):
        model.Plate(name="\ud800")
    with pytest.raises(AttributeUnknown, match="did you mean 'exposure'"):
        model.Plate(exposre=3.0)
    plate = model.Plate()
    with pytest.raises(AttributeUnknown, match="did you mean 'exposure'"):
        plate.exposre = 3.0
    with pytest.raises(AttributeUnknown, match="did you mean 'exposure'"):
        _ = plate.exposre


def test_dates_follow_one_rule(model: Any) -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    plate = model.Plate(taken=datetime.datetime(2012, 6, 1, 2, 0, tzinfo=zone))
    assert plate.taken == datetime.datetime(2012, 6, 1, 0, 0)
    assert model.Plate(taken="2012-06-01T08:51:44").taken.second == 44
    assert model.Plate(taken=datetime.date(2012, 6, 1)).taken == datetime.datetime(2012, 6, 1)
    with pytest.raises(ArgumentError, match="expected a date such as"):
        model.Plate(taken="yesterday")


def test_any_text_comes_back_as_it_was(model: Any, login: Any) -> None:
    login()
    texts = ["'; DROP TABLE awe.plate; --", "%s %(x)s %%", "שלום 😀", "a\\b\n\t", "\"x\""]
    plates = [model.Plate(name=text, notes={text: text}) for text in texts]
    commit_all(plates)
    login()
    for text, plate in zip(texts, plates, strict=True):
        found = (model.Plate.name == text)[0]
        assert found == plate
        assert found.notes == {text: text}


def test_an_id_may_be_shortened_and_an_unknown_one_is_named(model: Any, login: Any) -> None:
    login()
    plate = model.Plate(name="p")
    plate.commit()
    assert model.Plate(object_id=str(plate.object_id)[:8]) is plate
    with pytest.raises(NotFound, match="no Plate with object_id"):
        model.Plate(object_id=str(uuid.uuid4()))
    with pytest.raises(ArgumentError, match="is not an object id"):
        model.Plate(object_id="xyz")


def test_validity_is_updated_and_own_objects_are_deleted(model: Any, login: Any) -> None:
    login()
    plate = model.Plate(name="p")
    stack = model.Stack(first=plate, plates=[plate])
    stack.commit()
    update([plate], is_valid=0)
    assert plate.is_valid == 0
    login()
    again = model.Plate(object_id=str(plate.object_id))
    assert again.is_valid == 0
    with pytest.raises(Refused, match="depends on it"):
        delete([again])
    delete([model.Stack(object_id=str(stack.object_id))])
    delete([again])
    assert len(model.Plate.select_all()) == 0


def test_pickling_is_refused_with_a_reason(model: Any) -> None:
    with pytest.raises(TypeError, match="object_id"):
        pickle.dumps(model.Plate())
