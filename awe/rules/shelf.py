"""The calibrations of many products at once: read with one statement a class, chosen in memory.

The rule is that of `awe.rules.validity`, seen through the eyes of the maker of each product and
with what that product needs; what is seen is what the current user may see.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from typing import Any

from awe.db.server.scope import current
from awe.errors import NotVisible
from awe.model.mixins import has, value_of
from awe.rules import appointed, validity
from awe.rules.fitting import needs_of
from awe.rules.freshness import consulted
from awe.rules.roles import chosen_roles, date_of

__all__ = ["Shelf"]

#: instrument, chip and filter of a calibration, as ids
Place = tuple[Any, Any, Any]


class Shelf:
    """Calibrations that products could have had.

    Parameters
    ----------
    extra : iterable, optional
        New calibrations that are not committed: they count as the newest.
    """

    def __init__(self, extra: Iterable[Any] = ()) -> None:
        self._extra = list(extra)
        #: class -> place -> calibrations, newest first
        self._rows: dict[Any, dict[Place, list[Any]]] = {}
        #: class -> what was read: chips by id, first and last date
        self._read: dict[Any, tuple[dict[Any, Any], datetime.datetime, datetime.datetime]] = {}
        self._dates: dict[Any, datetime.datetime] = {}
        self._orders: dict[tuple[str, int], appointed.Order] = {}
        #: links are remembered weakly: what was loaded for all must stay
        self._kept: list[Any] = []

    def look_ahead(self, products: Iterable[Any]) -> None:
        """Read what the choice for products, and for what they were made from, will ask for.

        Parameters
        ----------
        products : iterable of product
            Objects of any classes.
        """
        level = list(products)
        seen = {item.object_id for item in level}
        while level:
            self._kept += level
            self._prepare(level)
            level = [one for item in level for one in _made_from(item)]
            level = list({one.object_id: one for one in level}.values())
            level = [one for one in level if one.object_id not in seen]
            seen.update(one.object_id for one in level)

    def choose(self, item: Any, cls: Any) -> Any:
        """Return the calibration of a class that a product would get today, or None.

        Parameters
        ----------
        item : product
            Object with instrument, chip, and a filter where the class has one.
        cls : type
            Class of the calibration.

        Raises
        ------
        NotVisible
            The date it was chosen for is that of frames which are not visible to you.
        """
        if has(cls, "filter") and value_of(item, "filter") is None:
            return None
        date = self._date(item)
        if not self._covers(cls, item, date):
            self._load(cls, [(item.chip, date)])
        found = self._rows[cls].get(_place(item, cls))
        valid = [one for one in found or () if one.timestamp_start <= date < one.timestamp_end]
        if not valid:
            return None
        needs = needs_of(item)
        for people in self._order(item):
            for one in valid:
                if (people is None or _maker(one) in people) and not needs.objection(one):
                    return one
        return None

    def _date(self, item: Any) -> datetime.datetime:
        found = self._dates.get(item.object_id)
        if found is None:
            found = self._dates[item.object_id] = date_of(item)
        return found

    def _order(self, item: Any) -> appointed.Order:
        key = (appointed.allowed(item), item._creator)
        if key not in self._orders:
            self._orders[key] = appointed.order(key[0], by=key[1])
        return self._orders[key]

    def _covers(self, cls: Any, item: Any, date: datetime.datetime) -> bool:
        if cls not in self._read:
            return False
        chips, first, last = self._read[cls]
        return _id(item.chip) in chips and first <= date <= last

    def _prepare(self, items: list[Any]) -> None:
        """Read the calibrations that are valid at the dates of some products."""
        wanted: dict[Any, list[tuple[Any, datetime.datetime]]] = {}
        for item in items:
            try:
                date = self._date(item)
            except NotVisible:
                continue
            for cls in _asked(item):
                if not self._covers(cls, item, date):
                    wanted.setdefault(cls, []).append((item.chip, date))
        for cls, places in wanted.items():
            self._load(cls, places)

    def _load(self, cls: Any, places: list[tuple[Any, datetime.datetime]]) -> None:
        """Read what is valid for some chips at some dates, and again what was read before."""
        chips = {_id(chip): chip for chip, _ in places}
        dates = [date for _, date in places]
        if cls in self._read:
            known, *span = self._read[cls]
            dates += span
            chips |= known
        first, last = min(dates), max(dates)
        query = validity.sound(cls) & (cls.timestamp_start <= last) & (cls.timestamp_end > first)
        found = list(query & cls.chip.isin(list(chips.values())))
        found.sort(key=lambda one: (one.creation_date, str(one.object_id)), reverse=True)
        new = [one for one in self._extra if type(one) is cls and not validity.unsound(one)]
        rows: dict[Place, list[Any]] = {}
        for one in [*new, *found]:
            rows.setdefault(_place(one, cls), []).append(one)
        self._rows[cls] = rows
        self._read[cls] = (chips, first, last)


def _maker(item: Any) -> Any:
    return item._creator if item._committed else current().user_id


def _asked(item: Any) -> Iterator[Any]:
    """Yield the classes of calibrations a product was made with or without."""
    for role in chosen_roles(type(item)):
        yield type(item)._attribute(role).target
    for cls, _ in consulted(item):
        yield cls


def _made_from(item: Any) -> Iterator[Any]:
    """Yield the calibrations of a product that are visible."""
    for role in chosen_roles(type(item)):
        try:
            used = getattr(item, role)
        except NotVisible:
            continue
        if used is not None:
            yield used


def _place(item: Any, cls: Any) -> Place:
    filter_ = value_of(item, "filter") if has(cls, "filter") else None
    return _id(item.instrument), _id(item.chip), _id(filter_)


def _id(item: Any) -> Any:
    return None if item is None else item.object_id
