"""`bias.affects()`: what a new calibration changes: who would choose it now, and what follows.

Asked before or after it is committed. Everybody gets the answer for what they may see; each
product is judged through the eyes of its maker, as `why_stale()` does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from awe import columns
from awe.db.declare.registry import concrete
from awe.errors import NotVisible
from awe.lazy import behaviour
from awe.model.info import label
from awe.model.mixins import Product, has
from awe.rules import validity
from awe.rules.freshness import consulted, open_roles
from awe.rules.roles import chosen_roles, date_of
from awe.rules.shelf import Shelf

__all__ = ["Effect", "affects"]

#: products named of each class
FIRST = 3


class Effect(list[Any]):
    """Products that a calibration makes stale, nearest first; prints their numbers.

    Parameters
    ----------
    item : object
        The calibration.
    direct : iterable
        Products that would choose it today instead of what they were made with.
    through : iterable
        Products made with those, directly or through others.
    unseen : mapping
        What could not be judged, because something it was made from is not visible, and what.
    """

    def __init__(
        self, item: Any, direct: Iterable[Any], through: Iterable[Any], unseen: Mapping[Any, str]
    ) -> None:
        self.item = item
        self.direct = list(direct)
        self.through = list(through)
        self.unseen = dict(unseen)
        super().__init__([*self.direct, *self.through])

    remake = behaviour("awe.tasks.renewal:remake_all")

    def __repr__(self) -> str:
        name = label(self.item)
        if objections := validity.unsound(self.item):
            return columns.fit(f"{name} is never chosen: {'; '.join(objections)}")
        # the count first: a terminal cuts what is behind the name of a file
        what = "1 product" if len(self) == 1 else f"{len(self)} products"
        lines = [f"changed: {what} that you may see, by {name}"]
        if self.direct:
            lines.append(f"{len(self.direct)} would choose it now:")
            lines += _listed(self.direct)
        if self.through:
            lines.append(f"{len(self.through)} were made with those:")
            lines += _listed(self.through)
        if self.unseen:
            lines.append(f"{len(self.unseen)} cannot be judged, see .unseen")
        return columns.fit("\n".join(lines))


def affects(self: Any) -> Effect:
    """Return the products that the calibration makes stale: those that would choose it now.

    A new calibration that is not committed yet is judged as if it was. Products that were judged
    bad are left out.

    Returns
    -------
    Effect
        The products; `direct` would choose it, `through` were made with those. Without any, the
        calibration fits no product that you may see better than what it was made with.
    """
    shelf = Shelf(() if self._committed else (self,))
    unseen: dict[Any, str] = {}
    direct: dict[Any, Any] = {}
    if not validity.unsound(self):
        for cls in _classes(type(self)):
            products = list(_possible(cls, self))
            shelf.look_ahead(products)
            for item in products:
                try:
                    if _would_choose(item, self, shelf):
                        direct[item.object_id] = item
                except NotVisible as error:
                    unseen[item] = str(error)
    through = _made_with(direct)
    return Effect(self, direct.values(), through, unseen)


def _classes(cls: Any) -> Iterator[Any]:
    """Yield the classes of products that may have been made with calibrations of a class."""
    return (one for one in concrete(Product) if has(one, "chip") and one is not cls)


def _possible(cls: Any, item: Any) -> Any:
    """Return the query of the products of a class for which a calibration may be chosen."""
    query = (cls.instrument == item.instrument) & (cls.chip == item.chip) & (cls.is_valid > 0)
    if has(item, "filter") and has(cls, "filter"):
        query &= cls.filter == item.filter
    if has(cls, "DATE_OBS"):
        query &= (item.timestamp_start <= cls.DATE_OBS) & (item.timestamp_end > cls.DATE_OBS)
    return query


def _would_choose(item: Any, new: Any, shelf: Shelf) -> bool:
    """Return True if a product would choose a calibration it was not made with."""
    cls = type(new)
    if not new.timestamp_start <= date_of(item) < new.timestamp_end:
        return False
    asked = dict(consulted(item))
    other = cls in asked and asked[cls] != str(new.object_id)
    for role in open_roles(item):
        if type(item)._attribute(role).target is cls and getattr(item, role) != new:
            other = True
    return other and bool(shelf.choose(item, cls) == new)


def _made_with(direct: Mapping[Any, Any]) -> list[Any]:
    """Return the products made with some, directly or through others, level by level."""
    found: dict[Any, Any] = {}
    level = list(direct.values())
    while level:
        following: dict[Any, Any] = {}
        for cls in concrete(Product):
            for role in chosen_roles(cls):
                target = cls._attribute(role).target
                used = [one for one in level if isinstance(one, target)]
                if not used:
                    continue
                for item in getattr(cls, role).isin(used) & (cls.is_valid > 0):
                    new = item.object_id not in direct and item.object_id not in found
                    if new and role in open_roles(item):
                        following[item.object_id] = item
        found |= following
        level = list(following.values())
    return list(found.values())


def _listed(products: list[Any]) -> Iterator[str]:
    kinds: dict[str, list[str]] = {}
    for item in products:
        kinds.setdefault(type(item).__name__, []).append(label(item))
    for kind, names in kinds.items():
        more = ", ..." if names[FIRST:] else ""
        yield f"  {len(names)} {kind}: {', '.join(names[:FIRST])}{more}"
