"""Nights in a query: local noon to noon, by the clock of the telescope that took each frame."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from awe.db.declare.attributes import Kind
from awe.db.query.conditions import Condition, OneOf, Or, both
from awe.errors import QueryError

if TYPE_CHECKING:
    from awe.db.query.path import ValuePath
    from awe.db.query.query import Query

__all__ = ["night"]


def night(path: ValuePath, day: datetime.datetime, utc_offset: Any) -> Query:
    """Return the query for the night that began on a day, at `utc_offset` or each instrument's.

    Raises
    ------
    QueryError
        The offset is not a number of hours, or it is not known.
    """
    if utc_offset is not None:
        if isinstance(utc_offset, bool) or not isinstance(utc_offset, int | float):
            msg = f"night(utc_offset={utc_offset!r}): expected hours, local time minus UTC"
            raise QueryError(msg)
        return path._query(_between(path, day, float(utc_offset)))
    sites = _sites(path)
    if len(sites) == 1:
        return path._query(_between(path, day, next(iter(sites))))
    owner = path._steps[-2].target if len(path._steps) > 1 else path._root
    link = (*path._steps[:-1], owner._attribute("instrument"))
    parts = tuple(
        both(OneOf(steps=link, values=tuple(ids)), _between(path, day, offset))
        for offset, ids in sites.items()
    )
    return path._query(Or(parts=parts))


def _between(path: ValuePath, day: datetime.datetime, utc_offset: float) -> Condition:
    noon = day.replace(hour=12, minute=0, second=0, microsecond=0)
    start = noon - datetime.timedelta(hours=utc_offset)
    query = path.__ge__(start) & path.__lt__(start + datetime.timedelta(days=1))
    return query.condition


def _sites(path: ValuePath) -> dict[float, list[Any]]:
    """Return the instruments by the clock of their site."""
    from awe.model.observing import Instrument

    owner = path._steps[-2].target if len(path._steps) > 1 else path._root
    link = owner._attributes.get("instrument")
    sites: dict[float, list[Any]] = {}
    if link is not None and link.kind is Kind.LINK and link.target is Instrument:
        for number, offset in Instrument.select_all().values("object_id", "utc_offset"):
            sites.setdefault(offset or 0.0, []).append(number)
    if not sites:
        msg = (
            f"{path._text}.night(): no instrument tells the clock of the site; give it: "
            f".night('{datetime.date(2012, 5, 31)}', utc_offset=-4) [hour]"
        )
        raise QueryError(msg)
    return sites
