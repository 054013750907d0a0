"""Nights and moments are read in one way, wherever they are given."""

from __future__ import annotations

import datetime

import pytest

from awe.dates import moment, night
from awe.rules.validity import night_range
from awe.tasks.arguments import Argument

NIGHT = datetime.date(2012, 5, 31)
MOMENT = datetime.datetime(2012, 6, 1, 8, 51, 44)
EAST = datetime.timezone(datetime.timedelta(hours=2))


@pytest.mark.parametrize(
    "value", [NIGHT, MOMENT.replace(day=31, month=5), "2012-05-31", " 2012-05-31 "]
)
def test_a_night_is_read(value: object) -> None:
    assert night(value) == NIGHT
    assert night_range("OMEGACAM", value) == night_range("OMEGACAM", NIGHT)
    argument = Argument(name="date", short="d", type=datetime.date, doc="a night")
    assert argument.check(value) == "2012-05-31"


@pytest.mark.parametrize(
    "value",
    [MOMENT, "2012-06-01T08:51:44", " 2012-06-01 08:51:44", "2012-06-01T10:51:44+02:00",
     "2012-06-01T08:51:44Z", MOMENT.replace(tzinfo=datetime.UTC),
     MOMENT.replace(hour=10, tzinfo=EAST)],
)  # fmt: skip
def test_a_moment_is_read(value: object) -> None:
    assert moment(value) == MOMENT
    assert moment(value).tzinfo is None
    argument = Argument(name="template", short="", type=datetime.datetime, doc="a moment")
    assert argument.check(value) == MOMENT


def test_a_date_is_its_midnight() -> None:
    assert moment(NIGHT) == moment("2012-05-31") == datetime.datetime(2012, 5, 31)


@pytest.mark.parametrize("value", ["yesterday", "2012-13-01", "", None, 7, [], "2012-05-31T25:00"])
def test_what_is_neither_is_refused(value: object) -> None:
    for read in (night, moment):
        with pytest.raises(ValueError, match=r"isoformat|must be in|Invalid"):
            read(value)


def test_a_moment_before_the_first_year_is_refused() -> None:
    with pytest.raises(OverflowError):
        moment(datetime.datetime(1, 1, 1, tzinfo=EAST))
