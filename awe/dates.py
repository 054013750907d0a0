"""Dates and moments as people write them: one rule for nights, and one for moments.

A night is the date on which it begins at the telescope. A moment is naive and in UTC, as the
database keeps it; a text or a datetime with a time zone is converted.
"""

from __future__ import annotations

import datetime

__all__ = ["moment", "night"]


def night(value: object) -> datetime.date:
    """Return a night from a date, a datetime or the text `CCYY-MM-DD`.

    Parameters
    ----------
    value : date, datetime or str
        The date on which the night begins.

    Raises
    ------
    ValueError
        The value is not one of these.
    """
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    return datetime.date.fromisoformat(_text(value))


def moment(value: object) -> datetime.datetime:
    """Return a moment in UTC, without a time zone, from a datetime, a date or ISO text.

    Parameters
    ----------
    value : datetime, date or str
        A date is its midnight; what has no time zone is in UTC.

    Raises
    ------
    ValueError
        The value is not one of these.
    OverflowError
        In UTC it lies outside the years 1 to 9999.

    Examples
    --------
    >>> moment("2012-06-01T10:51:44+02:00")
    datetime.datetime(2012, 6, 1, 8, 51, 44)
    """
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime.fromisoformat(_text(value))
    if value.tzinfo is None:
        return value
    return value.astimezone(datetime.UTC).replace(tzinfo=None)


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = f"Invalid date or moment: {value!r}"
        raise ValueError(msg)
    return value.strip()
