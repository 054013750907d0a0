"""`select()` of classes: queries by the words of an observer: night, chip, filter, object.

Raw frames and science products give a query; calibrations give the one newest valid object.
"""

from __future__ import annotations

import datetime
from typing import Any

from awe.errors import ArgumentError, nearest
from awe.model.mixins import has
from awe.rules.validity import choose, night_range

__all__ = ["calibration", "frames"]

KEYWORDS = ("instrument", "chip", "filter", "object", "date", "night", "template", "filename")


def frames(cls: Any, **keywords: Any) -> Any:
    """Return the query of the frames that answer all keywords.

    Parameters
    ----------
    cls : class
        Raw frames or science products.
    **keywords
        `instrument`, `chip`, `filter`, `object` (wild cards `*` and `?`), `date` or `night`
        (`CCYY-MM-DD`, local noon to noon), `template` (its start), `filename`; a list
        of names requests several.

    Raises
    ------
    ArgumentError
        A keyword is unknown, or a night is not one.
    """
    _check(keywords, KEYWORDS, cls)
    query = cls.select_all()
    for name, value in keywords.items():
        if value is not None:
            query &= _condition(cls, name, value, keywords.get("instrument"))
    return query


def calibration(cls: Any, **keywords: Any) -> Any:
    """Return the newest valid calibration for `instrument`, `chip`, `date` (and `filter`).

    A date without a time means the middle of that night.

    Raises
    ------
    ArgumentError
        A keyword is unknown or missing.
    NoCalibration
        None may be chosen.
    """
    where = [name for name in ("chip", "filter") if has(cls, name)]
    wanted = ["instrument", *where[:1], "date", *where[1:]]
    _check(keywords, tuple(wanted), cls)
    missing = [name for name in wanted if keywords.get(name) is None]
    if missing:
        msg = f"{cls.__name__}.select() expects {', '.join(wanted)}; missing: {', '.join(missing)}"
        raise ArgumentError(msg)
    date = keywords.pop("date")
    if not isinstance(date, datetime.datetime):
        begin, end = night_range(keywords["instrument"], date)
        date = begin + (end - begin) / 2
    return choose(cls, date=date, **{"chip": None, **keywords})


def _check(keywords: dict[str, Any], known: tuple[str, ...], cls: Any) -> None:
    for name in keywords:
        if name not in known:
            hint = nearest(name, list(known))
            there = ", ".join(known)
            msg = f"{cls.__name__}.select() has no keyword {name!r}{hint}; it has {there}"
            raise ArgumentError(msg)


def _condition(cls: Any, name: str, value: Any, instrument: Any) -> Any:
    if name in ("date", "night"):
        if instrument is None or isinstance(instrument, list | tuple | set):
            return cls.DATE_OBS.night(value)
        begin, end = night_range(instrument, value)
        return (begin <= cls.DATE_OBS) & (end > cls.DATE_OBS)
    if name == "template":
        owner = cls if has(cls, "template") else cls.raw
        return owner.template.start == value
    path = _path(cls, name)
    if isinstance(value, list | tuple | set):
        return path.isin(list(value))
    wild = isinstance(value, str) and ("*" in value or "?" in value)
    if name in ("object", "filename") and wild:
        return path.like(value)
    return path == value


def _path(cls: Any, name: str) -> Any:
    if name == "object":
        return cls.OBJECT
    if name == "filename":
        return cls.filename
    if not has(cls, name):
        msg = f"{cls.__name__} has no {name}; leave it out"
        raise ArgumentError(msg)
    return getattr(cls, name).name
