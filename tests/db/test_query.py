"""What one can ask of a query, and what it says when it is asked wrongly."""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from awe.db.objects.commit import commit_all
from awe.db.server.connection import database
from awe.errors import (
    ArgumentError,
    AttributeUnknown,
    NotVisible,
    OutOfRange,
    ProjectUnknown,
    QueryError,
)

START = datetime.datetime(2012, 6, 1)


@pytest.fixture
def ten(model: Any, login: Any) -> Any:
    """Ten plates of two tints, taken an hour after each other, the last without a date."""
    login()
    tints = [model.Tint(name="g"), model.Tint(name="r", wavelength=620.0)]
    plates = [
        model.Plate(
            name=f"p{i}", tint=tints[i % 2], exposure=float(i), number=i,
            taken=START + datetime.timedelta(hours=i) if i < 9 else None,
        )
        for i in range(10)
    ]  # fmt: skip
    commit_all(plates)
    model.plates = plates
    return model


def names(objects: Any) -> list[str]:
    return [item.name for item in objects]


def test_order_index_and_slices_follow_the_rules_of_a_list(ten: Any) -> None:
    query = ten.Plate.select_all()
    wanted = [f"p{i}" for i in range(10)]
    assert names(query) == wanted
    for index in range(-10, 10):
        assert query[index].name == wanted[index]
    huge = 10**30
    pieces = [slice(3), slice(2, 5), slice(None, None, 3), slice(-3, None), slice(5, 2)]
    pieces += [slice(None, None, -1), slice(8, 1, -2), slice(0, huge), slice(-huge, 2)]
    for piece in pieces:
        assert names(query[piece]) == wanted[piece], piece
    for index in (10, -11, 10**9, -(10**30)):
        with pytest.raises(OutOfRange, match="the query has 10 objects"):
            query[index]
    with pytest.raises(QueryError, match="step"):
        query[::0]
    with pytest.raises(QueryError, match="expected a number"):
        query["p1"]


def test_order_by_goes_over_links_and_puts_missing_values_last(ten: Any) -> None:
    query = ten.Plate.select_all().order_by("-tint.name", "-number")
    assert names(query) == ["p9", "p7", "p5", "p3", "p1", "p8", "p6", "p4", "p2", "p0"]
    assert names(ten.Plate.select_all().order_by("-taken"))[-1] == "p9"
    assert query[-1].name == "p0"


def test_top_makes_a_set_that_can_be_narrowed(ten: Any) -> None:
    first = ten.Plate.select_all().top(5)
    assert len(first) == 5
    assert names(first & (ten.Plate.tint.name == "r")) == ["p1", "p3"]
    assert names(~first) == ["p5", "p6", "p7", "p8", "p9"]
    assert first.max("number").name == "p4"
    assert names(first.top(2)) == ["p0", "p1"]


def test_extremes_give_objects_or_none(ten: Any) -> None:
    query = ten.Plate.select_all()
    assert query.max("taken").name == "p8"
    assert query.min("taken").name == "p0"
    assert query.max("tint.wavelength").tint.name == "r"
    assert (ten.Plate.number > 99).max("number") is None
    with pytest.raises(AttributeUnknown, match="did you mean 'number'"):
        query.max("nubmer")
    with pytest.raises(AttributeUnknown, match="has no attribute"):
        query.max("number'); DROP TABLE x; --")


def test_values_distinct_stats_and_tables(ten: Any) -> None:
    query = ten.Plate.number < 4
    assert query.top(2).values("name", "tint.name") == [("p0", "g"), ("p1", "r")]
    assert query.distinct("tint.name") == ["g", "r"]
    stats = query.stats("exposure")
    assert (stats.count, stats.min, stats.max, stats.mean, stats.median) == (4, 0, 3, 1.5, 1.5)
    assert query.stats("tint.wavelength").missing == 2
    table = query.to_table("name", "exposure", "tint.wavelength", "taken")
    assert list(table["name"]) == ["p0", "p1", "p2", "p3"]
    assert list(table["tint.wavelength"].mask) == [True, False, True, False]
    assert table["taken"][1] == START + datetime.timedelta(hours=1)
    with pytest.raises(QueryError, match="no number"):
        query.stats("name")


def test_repr_tells_count_scope_and_first_rows(ten: Any) -> None:
    query = (ten.Plate.number < 3).user_only().project_only()
    lines = repr(query).splitlines()
    assert lines[0] == "3 Plate in user AWSTUDENT, project TUTORIAL2015"
    assert [line.split()[0] for line in lines[1:]] == ["name", "p0", "p1", "p2"]
    assert "<td>p1</td>" in query._repr_html_()
    assert repr(ten.Plate.number > 99) == "0 Plate"
    assert "'p1'" in (ten.Plate.name == "p1").sql
    assert "Scan" in query.explain()


def test_narrowing_works_in_place_and_returns_the_query(ten: Any, login: Any) -> None:
    query = ten.Plate.select_all()
    assert query.project_only() is query
    assert len(query) == 10
    assert len(query.user_only("AWSTUDENT")) == 10
    assert len(query.user_only("AWOTHER")) == 0
    with pytest.raises(ProjectUnknown, match="did you mean 'TUTORIAL2015'"):
        query.project_only("TUTORIAL2016")


def test_level_of_the_scope_is_the_lowest_seen(ten: Any, login: Any) -> None:
    login(privileges=2)
    ten.Plate(name="shared").commit()
    assert names(ten.Plate.select_all()) == ["shared"]
    login(privileges=1)
    assert len(ten.Plate.select_all()) == 11


MISTAKES: list[tuple[Callable[[Any], Any], str]] = [
    (lambda m: m.Plate.nmae == "x", "has no attribute 'nmae'; did you mean 'name'"),
    (lambda m: m.Plate.tint.nmae == "x", "did you mean 'name'"),
    (lambda m: m.Plate.tint == "r", r"tint\.name == 'r'"),
    (lambda m: m.Plate.number == "7", r"Plate\.number is int: found '7' \(str\)"),
    (lambda m: m.Plate.name > 5, r"Plate\.name is str: found 5"),
    (lambda m: m.Plate.good == 1, "expected True or False"),
    (lambda m: m.Plate.taken > "yesterday", "expected a date such as"),
    (lambda m: m.Plate.taken > 2012, "expected datetime"),
    (lambda m: m.Plate.number > None, "write == None or != None"),
    (lambda m: m.Plate.tint > 3, "compare with an object by =="),
    (lambda m: m.Plate.tint == m.Plate(), "expected an object of class Tint"),
    (lambda m: 0 < m.Plate.number < 3, r"\(0 < C\.x\) & \(C\.x < 3\)"),
    (lambda m: (m.Plate.number > 0) and (m.Plate.number < 3), "instead of and, or, not"),
    (lambda m: (m.Plate.number > 0) or (m.Plate.number < 3), "instead of and, or, not"),
    (lambda m: not (m.Plate.number > 0), "instead of and, or, not"),
    (lambda m: bool(m.Plate.number), "alone is not a condition"),
    (lambda m: m.Plate.taken > START & (m.Plate.number == 1), "own parentheses"),
    (lambda m: m.Plate.number > 1 & m.Plate.number < 3, "own parentheses"),
    (lambda m: (m.Plate.number > 1) & m.Plate.number < 3, "own parentheses"),
    (lambda m: (m.Plate.number > 1) & 3, "own parentheses"),
    (lambda m: (m.Plate.number > 1) == 3, "own parentheses"),
    (lambda m: ~m.Plate.good, "own parentheses"),
    (lambda m: (m.Plate.number > 1) & (m.Tint.name == "r"), r"\.isin\(query\)"),
    (lambda m: m.Stack.plates == m.Plate(), r"\.contains\(obj\)"),
    (lambda m: m.Plate() in m.Stack.plates, r"\.contains"),
    (lambda m: list(m.Stack.plates), "make a query first"),
    (lambda m: m.Stack.plates.any(m.Stack.level > 1), "expects a query on Plate"),
    (lambda m: m.Plate.marks == [1], r"\.contains\(value\)"),
    (lambda m: m.Plate.number.like("1*"), "attributes of type str"),
    (lambda m: m.Plate.name.isin("abc"), "expects a list"),
    (lambda m: m.Plate.name.contains("abc"), "does not apply"),
    (lambda m: m.Plate.tint.isin(m.Plate.number > 1), "links to Tint, the query finds Plate"),
    (lambda m: m.Plate.name == m.Tint.name, "belong to different classes"),
    (lambda m: m.Plate.name == m.Plate.number, "cannot be compared"),
    (lambda m: m.Plate.exposure == float("nan"), "NaN is stored as None"),
    (lambda m: m.Plate.name == "a\0", "NUL"),
    (lambda m: m.PlateProduct.level > 1 if len(m.PlateProduct.level > 1) else 0, "query one of"),
]


@pytest.mark.parametrize(("mistake", "sentence"), MISTAKES)
def test_a_mistake_is_told_in_one_sentence(
    model: Any, mistake: Callable[[Any], Any], sentence: str
) -> None:
    with pytest.raises((QueryError, AttributeUnknown), match=sentence) as caught:
        mistake(model)
    assert "\n" not in str(caught.value)


def test_a_night_is_local_noon_to_noon(ten: Any) -> None:
    night = ten.Plate.taken.night("2012-05-31", utc_offset=-4)
    assert len(night) == 9
    assert len(ten.Plate.taken.night(datetime.date(2012, 6, 1), utc_offset=8)) == 5


def test_links_to_several_classes_are_followed(ten: Any) -> None:
    stack, mosaic = ten.Stack(level=1.0), ten.Mosaic(level=2.0)
    commit_all([ten.Remark(about=stack, said="one"), ten.Remark(about=mosaic, said="two")])
    assert [r.said for r in ten.Remark.about == mosaic] == ["two"]
    assert [r.said for r in ten.Remark.about.level < 1.5] == ["one"]
    database.close()
    assert {type(r.about).__name__ for r in ten.Remark.select_all()} == {"Stack", "Mosaic"}


def test_a_loop_over_links_costs_a_constant_number_of_statements(ten: Any, login: Any) -> None:
    stacks = [
        ten.Stack(first=ten.plates[i % 10], plates=[ten.plates[i % 10], ten.plates[0]])
        for i in range(160)
    ]
    commit_all(stacks)
    del stacks
    ten.plates = []
    login()
    before = database.statements
    seen = [
        (stack.first.tint.name, len(stack.plates), stack.plates[0].tint.wavelength)
        for stack in ten.Stack.select_all()
    ]
    assert len(seen) == 160
    assert database.statements - before <= 6


def test_an_invisible_link_is_named_and_does_not_match(model: Any, login: Any) -> None:
    login("other")
    plate = model.Plate(name="secret")
    plate.commit()
    login("other", privileges=2)
    stack = model.Stack(first=plate, plates=[plate])
    stack.commit()
    login("student")
    found = model.Stack.select_all()[0]
    with pytest.raises(NotVisible, match="first is not visible to you"):
        _ = found.first
    with pytest.raises(NotVisible, match="1 of its 1 plates are not visible"):
        _ = found.plates
    assert len(model.Stack.first.name == "secret") == 0
    assert len(model.Stack.first.name != "secret") == 1
    assert len(model.Stack.plates.any(model.Plate.name == "secret")) == 0


def test_no_more_objects_than_the_limit_are_loaded_unasked(model: Any, login: Any) -> None:
    login(query_limit="2000")
    commit_all([model.Tint(name=f"{i:05d}") for i in range(2500)])
    query = model.Tint.select_all()
    for load in (list, lambda q: q[:], lambda q: q[10:2400], lambda q: q.to_table("name")):
        with pytest.raises(QueryError, match=r"the limit is 2000: .* query\.stream\(\)"):
            load(query)
    assert len(query[100:2100]) == 2000
    assert names(query.stream()) == [f"{i:05d}" for i in range(2500)]
    assert len(list(query.top(1500))) == 1500


def test_one_may_commit_while_streaming(model: Any, login: Any) -> None:
    login()
    commit_all([model.Tint(name=f"{i:05d}") for i in range(2500)])
    for number, tint in enumerate(model.Tint.select_all().stream()):
        if number % 1000 == 0:
            model.Plate(tint=tint).commit()
    assert len(model.Plate.select_all()) == 3


def test_abstract_classes_say_what_to_use(model: Any) -> None:
    with pytest.raises(ArgumentError, match="use Mosaic, Stack"):
        model.PlateProduct()


def test_paths_document_and_complete_themselves(model: Any) -> None:
    assert model.Plate.exposure.__doc__ == "Exposure time [sec]"
    assert "wavelength" in dir(model.Plate.tint)
    assert model.Plate.get_persistent_properties()[:3] == ["best", "creation_date", "exposure"]
    with pytest.raises(AttributeUnknown, match="did you mean 'exposure'"):
        _ = model.Plate.exposrue


def test_queries_import_nothing_heavy() -> None:
    code = (
        "import sys, awe.db.query.query, awe.model.classes; awe.model.classes.load();"
        "from awe.model.raw import RawScienceFrame as F; F.instrument.name == 'x';"
        "print([m for m in ('numpy', 'scipy', 'astropy', 'matplotlib', 'sqlalchemy') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
