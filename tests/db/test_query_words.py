"""What people type at queries: narrowing after top(), patterns, nights, and kind refusals."""

from __future__ import annotations

import datetime
import inspect
from typing import Any

import pytest

from awe.db.declare import registry
from awe.db.objects.commit import commit_all
from awe.db.query.query import Query
from awe.errors import ArgumentError, AttributeUnknown, AweError, NotFound, QueryError
from awe.model.observing import Chip, Filter, Instrument
from awe.model.raw import RawScienceFrame
from awe.model.science import ReducedScienceFrame

NAMES = ("a1", "a2", "b1", "B2", "c[x]", "d*e", "f_g", "h%i", "j\\k", "long name")


@pytest.fixture
def frames(login: Any) -> list[RawScienceFrame]:
    """Ten frames, one minute after the other, two of them with a chip."""
    login()
    camera = Instrument(name="CAM", utc_offset=-4.0)
    chip = Chip(name="one", instrument=camera)
    begin = datetime.datetime(2012, 6, 1, 3)
    found = [
        RawScienceFrame(
            filename=f"f{i}.fits", OBJECT=name, EXPTIME=float(10 - i), instrument=camera,
            DATE_OBS=begin + datetime.timedelta(minutes=i), chip=chip if i < 2 else None,
        )
        for i, name in enumerate(NAMES)
    ]  # fmt: skip
    commit_all(found)
    return found


def test_every_narrowing_works_after_top(frames: list[Any]) -> None:
    every = RawScienceFrame.select_all()
    assert list(every.top(5).project_only()) == frames[:5]
    assert list(every.top(5).user_only()) == frames[:5]
    assert list(every.top(5).project_only().user_only().top(2)) == frames[:2]
    assert list(every.top(5).top(9)) == frames[:5]
    assert len(every.top(9).top(5)) == 5
    assert list(every.top(5) & (RawScienceFrame.EXPTIME < 8)) == frames[3:5]
    assert list((RawScienceFrame.EXPTIME < 8) & every.top(5)) == frames[3:5]
    assert set(every.top(2) | every.order_by("-DATE_OBS").top(2)) == {*frames[:2], *frames[-2:]}
    assert list(~every.top(7)) == frames[7:]
    assert every.top(5)[-1] == frames[4]
    assert every.top(5)[3:9] == frames[3:5]
    assert every.top(5)[::-1] == frames[4::-1]
    assert every.top(5).max("DATE_OBS") == frames[4]
    assert every.top(5).min("EXPTIME") == frames[4]
    assert every.top(5).newest() in frames[:5]
    assert every.top(5).stats("EXPTIME").count == 5
    assert every.top(3).distinct("OBJECT") == ["a1", "a2", "b1"]
    assert [row[0] for row in every.top(3).values("filename")] == ["f0.fits", "f1.fits", "f2.fits"]
    assert list(every.top(5).stream()) == frames[:5]
    assert list(every.top(0).project_only()) == []
    assert len(repr(every.top(5).project_only()).splitlines()) == 7


def test_another_order_after_top_keeps_the_objects(frames: list[Any]) -> None:
    every = RawScienceFrame.select_all()
    assert list(every.top(3).order_by("-DATE_OBS")) == frames[2::-1]
    assert list(every.top(5).order_by("EXPTIME").top(2)) == [frames[4], frames[3]]


def test_narrowing_in_place_leaves_queries_made_before_alone(
    frames: list[Any], login: Any
) -> None:
    first = RawScienceFrame.select_all().top(5)
    both = first & (RawScienceFrame.EXPTIME > 0)
    linked = ReducedScienceFrame.raw.isin(first)
    login("other")
    first.user_only()
    assert len(first) == 0
    login("student")
    assert list(both) == frames[:5]
    reduced = ReducedScienceFrame(filename="r.fits", raw=frames[0])
    reduced.commit()
    assert list(linked) == [reduced]


def test_a_question_about_a_list_keeps_to_the_top_of_its_query(model: Any, login: Any) -> None:
    login()
    plates = [model.Plate(name=name) for name in ("p0", "p1", "p2")]
    commit_all(plates)
    stacks = [model.Stack(plates=[plate]) for plate in plates]
    commit_all(stacks)
    one = model.Plate.select_all().order_by("name").top(1)
    assert list(model.Stack.plates.any(one)) == [stacks[0]]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("[ab][0-9]", ["a1", "a2", "b1"]), ("*[0-9]*", ["a1", "a2", "b1", "B2"]),
        ("[!a]?", ["b1", "B2"]), ("a[!1]", ["a2"]), ("c[[]x]", ["c[x]"]), ("d[*]e", ["d*e"]),
        ("f_g", ["f_g"]), ("?_?", ["f_g"]), ("h%*", ["h%i"]), ("*\\*", ["j\\k"]), ("B*", ["B2"]),
        ("[a-c]1", ["a1", "b1"]), ("long*", ["long name"]), ("*.*", []), ("[]x]*", []),
        ("j[\\]k", ["j\\k"]), ("[^a]1", ["a1"]),
    ],
)  # fmt: skip
def test_like_knows_classes_of_characters(
    frames: list[Any], pattern: str, found: list[str]
) -> None:
    assert [frame.OBJECT for frame in RawScienceFrame.OBJECT.like(pattern)] == found


def test_like_ignores_case_on_request_and_refuses_what_cannot_match(frames: list[Any]) -> None:
    like = RawScienceFrame.OBJECT.like
    assert [frame.OBJECT for frame in like("B?", ignore_case=True)] == ["b1", "B2"]
    assert [frame.OBJECT for frame in like("LONG NAME", ignore_case=True)] == ["long name"]
    assert len(like("LONG NAME")) == 0
    with pytest.raises(QueryError, match=r"the \] is missing; write \[\[\] for"):
        like("[KSF2015*")
    with pytest.raises(QueryError, match=r"9-0 runs backwards; write 0-9$"):
        like("[9-0]")
    query = like("b?", ignore_case=True)
    query.save("bees")
    assert list(Query.load("bees")) == list(query)


def test_a_night_goes_by_the_clock_of_the_instrument(frames: list[Any]) -> None:
    night = RawScienceFrame.DATE_OBS.night
    assert len(night("2012-05-31")) == 10
    assert len(night("2012-05-31", utc_offset=-4)) == 10
    assert len(night("2012-05-31", -4)) == 10
    assert len(night("2012-05-31", utc_offset=10)) == 0
    assert len(ReducedScienceFrame.raw.DATE_OBS.night("2012-05-31")) == 0
    east = Instrument(name="EAST", utc_offset=10.0)
    there = RawScienceFrame(
        filename="east.fits", instrument=east, DATE_OBS=datetime.datetime(2012, 6, 1, 3)
    )
    commit_all([there])
    assert set(night("2012-05-31")) == set(frames)
    assert list(night("2012-06-01")) == [there]
    with pytest.raises(QueryError, match="no instrument tells the clock of the site; give it: "):
        Instrument.creation_date.night("2012-05-31")
    with pytest.raises(QueryError, match="expected hours"):
        night("2012-05-31", "west")


def test_names_of_other_query_languages_say_what_to_write(frames: list[Any]) -> None:
    query = RawScienceFrame.EXPTIME > 0
    for name, answer in {
        "limit": "query.top(3)",
        "filter": "query & (RawScienceFrame.EXPTIME > 100)",
        "show": "print(query)",
        "EXPTIME": "query[0].EXPTIME, query.values('EXPTIME')", "ordered_by": "'order_by'",
    }.items():  # fmt: skip
        with pytest.raises(AttributeUnknown) as caught:
            getattr(query, name)
        assert answer in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not hasattr(query, "_ipython_display_")
    for name in ("creator", "project"):
        found = getattr(frames[0], name, None) if hasattr(type(frames[0]), name) else None
        if found is None:
            with pytest.raises(AttributeUnknown, match=r"obj\.info\(\) names it"):
                getattr(frames[0], name)


def test_max_of_an_unknown_name_lists_what_there_is(frames: list[Any]) -> None:
    with pytest.raises(AttributeUnknown) as caught:
        RawScienceFrame.select_all().max("nix")
    for name in RawScienceFrame.get_persistent_properties():
        assert name in str(caught.value)
    with pytest.raises(AttributeUnknown, match="did you mean 'EXPTIME'"):
        RawScienceFrame.select_all().max("EXPTIM")


def test_a_saved_query_of_nobody_says_there_is_no_such_person(login: Any) -> None:
    login()
    (RawScienceFrame.EXPTIME > 1).save("long r")
    with pytest.raises(NotFound, match=r"^there is no person AWNOBODY"):
        Query.load("long r", user="AWNOBODY")
    other = login.db.user("other").upper()
    with pytest.raises(NotFound, match=rf"^{other} has no saved query 'long r'"):
        Query.load("long r", user=other)
    with pytest.raises(NotFound, match="no saved query 'lon r'; did you mean 'long r'"):
        Query.load("lon r")


@pytest.mark.parametrize("name", ["user_only", "top", "newest", "max", "to_table"])
def test_a_class_asked_like_a_query_is_told_where_the_query_is(name: str) -> None:
    wanted = rf"write ReducedScienceFrame\.select_all\(\)\.{name}"
    with pytest.raises(AttributeUnknown, match=wanted):
        getattr(ReducedScienceFrame, name)


def test_a_class_is_neither_indexed_nor_looped_over() -> None:
    with pytest.raises(QueryError, match=r"is a class, not a query: .*select_all\(\)\[0\]"):
        ReducedScienceFrame[0]
    with pytest.raises(QueryError, match="is a class, not a query"):
        list(ReducedScienceFrame)  # type: ignore[call-overload]


def test_calibrations_without_a_chip_name_the_chips(frames: list[Any]) -> None:
    from awe.rules.timeline import calibrations

    with pytest.raises(ArgumentError, match=r"expects a chip too: .*'one'\)"):
        calibrations("CAM")
    with pytest.raises(ArgumentError, match="expects instrument and chip; instruments are CAM"):
        calibrations()
    with pytest.raises(ArgumentError, match="no instrument 'CAN'; did you mean 'CAM'"):
        calibrations("CAN")
    assert "no calibrations" in repr(calibrations("CAM", "one"))


def test_methods_and_properties_of_classes_are_not_compared() -> None:
    message = r"ReducedScienceFrame\.is_uptodate is a method, not an attribute in the database"
    with pytest.raises(QueryError, match=message):
        bool(ReducedScienceFrame.is_uptodate == False)  # noqa: E712 - what people type
    with pytest.raises(QueryError, match="data is a property"):
        bool(ReducedScienceFrame.data == 3)
    with pytest.raises(QueryError, match="cannot be compared"):
        ReducedScienceFrame.is_uptodate & (ReducedScienceFrame.is_valid > 0)


def test_every_method_and_property_of_every_class_refuses_a_comparison() -> None:
    from awe.model import classes

    classes.load()
    compared = 0
    for cls in registry.declared.values():
        for name in dir(cls):
            static = inspect.getattr_static(cls, name)
            if name.startswith("_") or name in cls._attributes or isinstance(static, str | int):
                continue
            if isinstance(static, dict):
                continue
            with pytest.raises(AweError):
                getattr(cls, name) == 1  # noqa: B015 - must raise
            compared += 1
    assert compared > 1000


def test_methods_of_classes_stay_methods(login: Any) -> None:
    login()
    assert str(inspect.signature(RawScienceFrame.near)).startswith("(ra")
    assert RawScienceFrame.select_all.__doc__ == "Return the query without a condition."
    assert inspect.isfunction(inspect.unwrap(RawScienceFrame.info))
    new = RawScienceFrame(filename="x.fits", EXPTIME=1.0)
    assert RawScienceFrame.copy(new).filename == "x.fits"
    assert len({RawScienceFrame.copy, RawScienceFrame.info}) == 2


def test_no_unit_is_no_text() -> None:
    assert (RawScienceFrame.imstat.__doc__ or "").endswith("pixels")
    assert RawScienceFrame._attributes["EXPTIME"].unit == "sec"
    assert Filter._attributes["name"].unit == ""
