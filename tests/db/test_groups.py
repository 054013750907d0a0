"""One object of a query, groups of a query, spans of time, and whose an object is."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

from awe.db.objects.base import DBObject
from awe.db.objects.commit import commit_all
from awe.db.objects.digits import find
from awe.db.query.picking import which_exist
from awe.db.server.connection import database
from awe.errors import ArgumentError, AttributeUnknown, NotFound, ProjectUnknown, QueryError
from awe.model.calibrations import BiasFrame
from awe.model.observing import Chip, Filter, Instrument
from awe.model.raw import RawScienceFrame

BEGIN = datetime.datetime(2012, 6, 1, 3)
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def frames(login: Any) -> list[RawScienceFrame]:
    """Six frames of 30 s, one minute after the other: three red, two green, one without filter."""
    login()
    camera, far = Instrument(name="CAM", utc_offset=-4.0), Instrument(name="FAR", utc_offset=10.0)
    red, green = Filter(name="r", instrument=camera), Filter(name="g", instrument=camera)
    of = (red, red, red, green, green, None)
    found = [
        RawScienceFrame(
            filename=f"f{i}.fits", filter=of[i], EXPTIME=float(30 + i), OBJECT="M 31",
            instrument=camera if i < 5 else far, DATE_OBS=BEGIN + i * MINUTE,
        )
        for i in range(6)
    ]  # fmt: skip
    commit_all(found)
    return found


def test_one_object_is_picked(frames: list[Any]) -> None:
    every = RawScienceFrame.select_all()
    assert every.first() == frames[0]
    assert every.order_by("-DATE_OBS").first() == frames[5]
    assert (RawScienceFrame.EXPTIME == 33).one() == frames[3]
    assert every.exists()
    assert every.top(1).one() == frames[0]
    nothing = RawScienceFrame.EXPTIME > 99
    assert nothing.first() is None
    assert not nothing.exists()
    with pytest.raises(NotFound, match=r"one\(\): no RawScienceFrame fits"):
        nothing.one()
    with pytest.raises(QueryError, match=r"6 RawScienceFrame fit, the first is"):
        every.one()


def test_several_queries_are_answered_by_one_statement(
    frames: list[Any], login: Any
) -> None:
    """Which exist is told of classes of all kinds, and to each person what they may see."""
    asked = [
        RawScienceFrame.EXPTIME > 99, RawScienceFrame.filter.name == "g",
        Filter.name == "nothing", Chip.select_all(), Instrument.name == "CAM",
    ]  # fmt: skip
    before = database.statements
    assert which_exist(asked) == [one.exists() for one in asked]
    assert which_exist(asked) == [False, True, False, False, True]
    assert database.statements == before + 2 + len(asked)
    assert which_exist([]) == []
    login("other")
    assert which_exist([RawScienceFrame.select_all(), Instrument.name == "CAM"]) == [False, False]


def test_one_query_without_another(frames: list[Any]) -> None:
    every = RawScienceFrame.select_all()
    red = RawScienceFrame.filter.name == "r"
    assert list(every - red) == frames[3:]
    assert list(every - every.top(4)) == frames[4:]
    assert list(every.order_by("-DATE_OBS") - red) == frames[:2:-1]
    assert list(red - every) == []
    with pytest.raises(QueryError, match="cannot be combined"):
        every - 3
    with pytest.raises(QueryError, match="cannot be combined"):
        every - Chip.select_all()


def test_groups_are_counted_and_averaged(frames: list[Any]) -> None:
    every = RawScienceFrame.select_all()
    table = every.group_by("filter").count()
    assert list(table["count"]) == [2, 3, 1]
    assert list(table["filter"][:2]) == ["g", "r"]
    assert table["filter"].mask[2]
    table = every.group_by("filter.name").stats("EXPTIME")
    assert list(table["EXPTIME_mean"]) == [33.5, 31.0, 35.0]
    assert list(table["EXPTIME_median"]) == [33.5, 31.0, 35.0]
    assert list(table["EXPTIME_min"]) == [33.0, 30.0, 35.0]
    assert list(table["EXPTIME_max"]) == [34.0, 32.0, 35.0]
    assert np.allclose(table["EXPTIME_stdev"], [0.5**0.5, 1.0, 0.0])
    assert str(table["EXPTIME_mean"].unit) == "s"
    assert table["EXPTIME_number"].unit is None
    assert list(every.group_by("filter").sum("EXPTIME")["EXPTIME_sum"]) == [67.0, 93.0, 35.0]
    assert list(every.group_by("filter").max("DATE_OBS")["DATE_OBS_max"].datetime) == [
        frames[i].DATE_OBS for i in (4, 2, 5)
    ]
    assert list(every.top(2).group_by("filter").count()["count"]) == [2]
    assert len((RawScienceFrame.EXPTIME > 99).group_by("filter").count()) == 0


def test_nights_are_those_of_each_site(frames: list[Any]) -> None:
    # 3 h UTC is 23 h of the day before at -4 h, and 13 h of the day at +10 h
    table = RawScienceFrame.select_all().group_by("night", "instrument").count()
    assert [tuple(row) for row in table] == [("2012-05-31", "CAM", 5), ("2012-06-01", "FAR", 1)]
    assert list(RawScienceFrame.select(night="2012-05-31")) == frames[:5]
    assert list(RawScienceFrame.select(date="2012-06-01")) == frames[5:]


def test_groups_say_what_they_cannot(frames: list[Any]) -> None:
    every = RawScienceFrame.select_all()
    with pytest.raises(QueryError, match="is str, no number"):
        every.group_by("filter").mean("OBJECT")
    with pytest.raises(QueryError, match="of which attribute"):
        every.group_by("filter").mean()
    with pytest.raises(QueryError, match="by which attribute"):
        every.group_by()
    with pytest.raises(AttributeUnknown, match=r"\.stats\('EXPTIME'\) gives all"):
        every.group_by("filter").agg("EXPTIME")
    with pytest.raises(AttributeUnknown, match="has no attribute 'filtre'"):
        every.group_by("filtre")
    with pytest.raises(QueryError, match="named twice"):
        every.group_by("filter", "filter").count()
    assert "count" in repr(every.group_by("filter"))


def test_values_name_links(frames: list[Any]) -> None:
    values = RawScienceFrame.select_all().top(1).values("filter", "instrument", "filename")
    assert values == [("r", "CAM", "f0.fits")]


def test_what_shares_a_moment(frames: list[Any]) -> None:
    def found(start: datetime.datetime, end: datetime.datetime) -> list[Any]:
        return list(RawScienceFrame.during(start, end))

    second = datetime.timedelta(seconds=1)
    assert found(BEGIN + 29 * second, BEGIN + MINUTE) == frames[:1]
    # half-open: one ends as the span begins, another begins as it ends
    assert found(BEGIN + 30 * second, BEGIN + MINUTE) == []
    assert found(BEGIN + 30 * second, BEGIN + MINUTE + second) == frames[1:2]
    assert found(BEGIN - MINUTE, BEGIN + 9 * MINUTE) == frames
    assert list(RawScienceFrame.during(frames[2])) == frames[2:3]
    assert list(RawScienceFrame.select_all().top(2).during("2012-06-01", "2012-06-02")) == (
        frames[:2]
    )
    bias = BiasFrame(
        filename="b.fits", instrument=frames[0].instrument,
        timestamp_start=BEGIN, timestamp_end=BEGIN + MINUTE,
    )  # fmt: skip
    bias.commit()
    assert list(BiasFrame.during(frames[0])) == [bias]
    assert list(BiasFrame.during(frames[1])) == []
    assert list(RawScienceFrame.during(bias)) == frames[:1]
    with pytest.raises(QueryError, match="no time is left"):
        RawScienceFrame.during("2012-06-02", "2012-06-01")
    with pytest.raises(QueryError, match="that is not a span of time"):
        RawScienceFrame.during("yesterday")
    with pytest.raises(QueryError, match="neither a range of validity"):
        Chip.during("2012-06-01", "2012-06-02")


def test_whose_it_is(frames: list[Any], login: Any) -> None:
    frame = frames[0]
    me = login.db.user("student").upper()
    assert (frame.creator, frame.project, frame.privileges) == (me, "TUTORIAL2015", 1)
    assert {"creator", "project", "privileges"} <= set(dir(frame))
    assert len(RawScienceFrame.creator == me) == 6
    assert len(RawScienceFrame.creator != me) == 0
    assert len(RawScienceFrame.project == "TUTORIAL2015") == 6
    assert len(RawScienceFrame.project.name.isin(["TUTORIAL2015"])) == 6
    with pytest.raises(ProjectUnknown, match="there is no project 'TUTORIAL'"):
        RawScienceFrame.project == "TUTORIAL"  # noqa: B015 - refused
    with pytest.raises(QueryError, match="compared with a name"):
        RawScienceFrame.creator > "a"  # noqa: B015 - refused
    with pytest.raises(NotFound, match="before it is committed"):
        RawScienceFrame().creator  # noqa: B018 - refused


def test_an_attribute_of_ones_own_goes_first(login: Any) -> None:
    from tests.db.model import Tint

    assert "project" not in Tint._attributes
    assert repr(Tint.project) == "Tint.project"


def test_any_object_by_its_digits(frames: list[Any], login: Any) -> None:
    digits = "a1b2c3d4" * 5
    bias = BiasFrame(filename=f"Cal-61374.35-{digits}.fits", is_valid=1)
    bias.commit()
    number = str(frames[2].object_id)
    assert find(number[:8]) == find(number) == find(number[:13]) == frames[2]
    assert find("a1b2c3d4") == find(digits) == BiasFrame(object_id="a1b2c3d4") == bias
    assert find("f3.fits") == frames[3]
    assert DBObject(object_id=number[:8]) == frames[2]
    with pytest.raises(NotFound, match="no object 'ffffffff' that you may see"):
        find("ffffffff")
    with pytest.raises(NotFound, match="no RawScienceFrame with object_id 'a1b2c3d4'"):
        RawScienceFrame(object_id="a1b2c3d4")
    with pytest.raises(ArgumentError, match="has 3 digits"):
        find("abc")
    BiasFrame(filename=f"Cal-61375.35-{digits}.fits", is_valid=1).commit()
    with pytest.raises(ArgumentError, match="several objects are 'a1b2c3d4'"):
        find("a1b2c3d4")
    login("other")
    with pytest.raises(NotFound):
        find(number[:8])
    with pytest.raises(NotFound):
        find("a1b2c3d4")


def test_words_of_other_systems_are_answered(frames: list[Any]) -> None:
    every = RawScienceFrame.select_all()
    for word in ("limit", "filter", "value_counts", "groupby", "exclude", "union", "sum", "any"):
        with pytest.raises(AttributeUnknown, match=f"a query has no '{word}'; .*query|q1"):
            getattr(every, word)
