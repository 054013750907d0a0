"""Time that objects take: exposures from their start on, calibrations as long as they are valid.

`C.during(start, end)` finds those that share a moment with a span of time. Ranges are half-open,
so that what ends when another begins has nothing in common with it.
"""

from __future__ import annotations

import datetime
from typing import Any, NoReturn

from awe import dates
from awe.db.declare.entity import Entity, is_object
from awe.db.query.conditions import Compare, Condition, Running, both
from awe.errors import QueryError

__all__ = ["during"]

#: attributes with begin and end of what is valid for a time
RANGE = ("timestamp_start", "timestamp_end")
#: attributes with the begin and the length [s] of an exposure
EXPOSURE = ("DATE_OBS", "EXPTIME")
_HOW = "during('2012-06-01', '2012-06-02'), two moments in UTC, or during(frame)"


def during(cls: type[Entity], start: Any, end: Any) -> Condition:
    """Return the condition that an object shares a moment with a span of time.

    Parameters
    ----------
    cls : type
        Class the query is about.
    start, end : datetime, str or object
        The span, UTC; an object alone for its own.

    Raises
    ------
    QueryError
        The class has no times, or the span is not one.
    """
    low, high = _span(start, end)
    if _has(cls, RANGE):
        begin, ending = (cls._attribute(name) for name in RANGE)
        return both(
            Compare(steps=(begin,), operator="<", value=high),
            Compare(steps=(ending,), operator=">", value=low),
        )
    if not _has(cls, EXPOSURE):
        msg = (
            f"{cls.__name__} has neither a range of validity nor a date and exposure time; "
            f"compare one of its dates: ({cls.__name__}.creation_date >= ...) & (... < ...)"
        )
        raise QueryError(msg)
    date, length = (cls._attribute(name) for name in EXPOSURE)
    return Running(steps=(date,), length=length, start=low, end=high)


def _has(cls: type[Entity], names: tuple[str, str]) -> bool:
    return all(name in cls._attributes for name in names)


def _span(start: Any, end: Any) -> tuple[datetime.datetime, datetime.datetime]:
    if is_object(start) and end is None:
        return _of_object(start)
    try:
        low, high = dates.moment(start), dates.moment(end)
    except (ValueError, OverflowError):
        _refuse(f"during({start!r:.60}, {end!r:.60})", "that is not a span of time")
    if low >= high:
        _refuse(f"during({start!r:.60}, {end!r:.60})", "no time is left between the two")
    return low, high


def _of_object(item: Any) -> tuple[datetime.datetime, datetime.datetime]:
    if _has(type(item), RANGE):
        low, high = (getattr(item, name) for name in RANGE)
    elif _has(type(item), EXPOSURE):
        low, length = (getattr(item, name) for name in EXPOSURE)
        # a frame without a length, such as a bias, takes its one moment
        seconds = max(float(length or 0), 1e-6)
        high = None if low is None else low + datetime.timedelta(seconds=seconds)
    else:
        low = high = None
    if low is None or high is None:
        _refuse(f"during({item!r:.60})", "that object has no times")
    return low, high


def _refuse(call: str, why: str) -> NoReturn:
    msg = f"{call}: {why}; expected {_HOW}"
    raise QueryError(msg)
