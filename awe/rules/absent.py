"""`query.missing(cls)`: which objects of a query have no valid product of a class.

What is counted is a product that is valid and that the system found nothing wrong with which
would keep it from being used. Whether it is up to date is another question, `query.stale()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from awe import columns
from awe.errors import QueryError
from awe.model.info import label

__all__ = ["Missing", "absent", "missing"]

#: objects that are shown
SHOWN = 20


class Missing(list[Any]):
    """Objects without a product, in the order of the query; prints itself.

    Parameters
    ----------
    objects : iterable of object
        The objects.
    number : int
        How many were looked at.
    name, product : str
        Names of their class and of that of the product.
    """

    def __init__(self, objects: Iterable[Any], number: int, name: str, product: str) -> None:
        super().__init__(objects)
        self._number = number
        self._names = (name, product)

    def _table(self) -> tuple[str, list[tuple[str]]]:
        """Return the line above the table, and its rows."""
        name, product = self._names
        head = f"{len(self)} of {self._number} {name} have no {product}"
        if not self:
            head = f"all {self._number} {name} have a {product}"
        return head, [(label(item),) for item in self[:SHOWN]]

    def __repr__(self) -> str:
        head, rows = self._table()
        more = [f"... and {len(self) - SHOWN} more"] if len(self) > SHOWN else []
        return "\n".join([columns.fit(head), *(f"  {name}" for (name,) in rows), *more])

    def _repr_html_(self) -> str:
        head, rows = self._table()
        return columns.html(("without",), rows, title=head)


def missing(query: Any, product: Any) -> Missing:
    """Return the objects of the query that have no valid product of a class.

    Parameters
    ----------
    product : type
        Class of the product, such as `RegriddedFrame`.

    Returns
    -------
    Missing
        The objects; a list that can be handed to a recipe by its names.

    Raises
    ------
    QueryError
        Products of that class are not made of such objects.

    Examples
    --------
    >>> ReducedScienceFrame.select_all().missing(RegriddedFrame)  # doctest: +SKIP
    """
    return absent(product, list(query), of=query.cls)


def absent(
    product: Any, items: Sequence[Any], *, of: Any = None, accept: Callable[[Any], bool] = bool
) -> Missing:
    """Return those of some objects that have no valid product of a class.

    Parameters
    ----------
    product : type
        Class of the product.
    items : sequence of object
        Objects of one class.
    of : type, optional
        Their class; that of the first when left out.
    accept : callable, optional
        Function of a product that returns whether it counts.

    Raises
    ------
    QueryError
        Products of that class are not made of such objects.
    """
    cls = of or (type(items[0]) if items else product)
    links = [
        name
        for name, attribute in getattr(product, "_attributes", {}).items()
        if attribute.is_link and attribute.may_hold(cls) and name != "prev"
    ]
    if items and not links:
        made = getattr(product, "__name__", repr(product))
        msg = f"{made} has no link to a {cls.__name__}; expected a class of products made of it"
        raise QueryError(msg)
    have: set[Any] = set()
    for name in links[:1] if items else ():
        many = isinstance(product._attributes[name].default, list)
        for one in getattr(product, name).isin(list(items)) & (product.is_valid > 0):
            if accept(one):
                linked = getattr(one, name)
                have.update(item.object_id for item in (linked if many else [linked]))
    rest = [item for item in items if item.object_id not in have]
    return Missing(rest, len(items), cls.__name__, getattr(product, "__name__", ""))
