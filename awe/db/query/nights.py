"""Nights in a query: local noon to noon, by the clock of the telescope that took each frame."""

from __future__ import annotations

import datetime
from typing import Any

from awe.db.declare.attributes import Kind
from awe.db.declare.entity import Entity
from awe.db.query.conditions import Compare, Condition, OneOf, Or, Steps, both
from awe.errors import QueryError

__all__ = ["night_at"]

#: Attribute of an instrument that tells the clock of its site [hour].
CLOCK = "utc_offset"


def night_at(
    root: type[Entity], steps: Steps, day: datetime.datetime, utc_offset: Any
) -> Condition:
    """Return the condition that a moment is in the night that began on a day.

    Parameters
    ----------
    root : type
        Class the query is about.
    steps : tuple of Persistent
        Attributes from the class to the moment.
    day : datetime.datetime
        Civil date on which the night begins.
    utc_offset : float or None
        Local time minus UTC at the telescope [hour]; that of each instrument where it is None.

    Raises
    ------
    QueryError
        The offset is not a number of hours, or it is not known.
    """
    if utc_offset is not None:
        if isinstance(utc_offset, bool) or not isinstance(utc_offset, int | float):
            msg = f"night(utc_offset={utc_offset!r}): expected hours, local time minus UTC"
            raise QueryError(msg)
        return _between(steps, day, float(utc_offset))
    owner = steps[-2].target if len(steps) > 1 else root
    sites = _sites(owner)
    if not sites:
        text = ".".join([root.__name__, *(step.name for step in steps)])
        msg = (
            f"{text}.night(): no instrument tells the clock of the site; give it: "
            f".night('{datetime.date(2012, 5, 31)}', utc_offset=-4) [hour]"
        )
        raise QueryError(msg)
    if len(sites) == 1:
        return _between(steps, day, next(iter(sites)))
    # One branch per clock: within a branch the bounds are constants, which an index on the date
    # can use; an offset looked up row by row would have to be added to the column, and no index
    # has that.
    link = (*steps[:-1], owner._attribute("instrument"))
    parts = tuple(
        both(OneOf(steps=link, values=tuple(ids)), _between(steps, day, offset))
        for offset, ids in sites.items()
    )
    return Or(parts=parts)


def _between(steps: Steps, day: datetime.datetime, utc_offset: float) -> Condition:
    # Local noon is UTC noon minus the offset. The end is excluded, so that an exposure begun at
    # the very noon is in one night and not in two.
    noon = day.replace(hour=12, minute=0, second=0, microsecond=0)
    start = noon - datetime.timedelta(hours=utc_offset)
    end = start + datetime.timedelta(days=1)
    return both(
        Compare(steps=steps, operator=">=", value=start),
        Compare(steps=steps, operator="<", value=end),
    )


def _sites(owner: type[Entity]) -> dict[float, list[Any]]:
    """Return the instruments by the clock of their site."""
    link = owner._attributes.get("instrument")
    sites: dict[float, list[Any]] = {}
    if link is not None and link.kind is Kind.LINK and CLOCK in link.target._attributes:
        for number, offset in link.target.select_all().values("object_id", CLOCK):
            sites.setdefault(offset or 0.0, []).append(number)
    return sites
