"""`query.stale()`: which of many products would be made another way today, and why.

Judged as `why_stale()` judges one, but read level by level: the products, what they were made
from, and the calibrations they could have, with a number of statements that does not grow with
the number of products.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from awe import columns
from awe.errors import NotVisible, QueryError
from awe.lazy import behaviour
from awe.model.info import label
from awe.model.mixins import ProcessTarget
from awe.rules.freshness import Reasons, Today, reasons
from awe.rules.shelf import Shelf

__all__ = ["Stale", "judge_all", "stale"]

#: products that are shown
SHOWN = 20


class Stale(list[Any]):
    """Products that are not up to date, in the order they were asked in; prints itself.

    Parameters
    ----------
    why : dict
        Reasons of each product that is not up to date.
    number : int
        Number of products that were judged.
    unseen : dict
        What could not be judged, because something it was made from is not visible, and what.
    name : str
        What the products are: the name of their class.
    """

    def __init__(
        self, why: Mapping[Any, Reasons], number: int, unseen: Mapping[Any, str], name: str
    ) -> None:
        super().__init__(why)
        self.why = dict(why)
        self.unseen = dict(unseen)
        self._number = number
        self._name = name

    remake = behaviour("awe.tasks.renewal:remake_all")

    def _table(self) -> tuple[str, list[tuple[str, str]]]:
        """Return the line above the table, and its rows."""
        head = f"{len(self)} of {self._number} {self._name} are not up to date"
        if not self:
            head = f"all {self._number} {self._name} are up to date"
        if self.unseen:
            head += f"; {len(self.unseen)} more cannot be judged, see .unseen"
        return head, [(label(item), self.why[item].brief) for item in self[:SHOWN]]

    def __repr__(self) -> str:
        head, rows = self._table()
        lines = [columns.fit(head), *(columns.lines(("product", "because"), rows) if rows else ())]
        more = [f"... and {len(self) - SHOWN} more"] if len(self) > SHOWN else []
        return "\n".join([*lines, *more])

    def _repr_html_(self) -> str:
        head, rows = self._table()
        return columns.html(("product", "because"), rows, title=head)


def stale(query: Any, pars: Mapping[str, Any] | None = None) -> Stale:
    """Return the products of the query that would be made another way today, and why.

    Parameters
    ----------
    pars : mapping, optional
        Process parameters one would use, as tasks take them; defaults for those left out.

    Returns
    -------
    Stale
        The products; `why[product]` holds the reasons, as `product.why_stale()` does.

    Raises
    ------
    QueryError
        The class is not one of products.
    """
    if not issubclass(query.cls, ProcessTarget):
        msg = f"stale() is about products, which recipes make; {query.cls.__name__} is not one"
        raise QueryError(msg)
    return judge_all(query, pars or {}, query.cls.__name__)


def judge_all(products: Iterable[Any], pars: Mapping[str, Any], name: str = "products") -> Stale:
    """Return those of some products that would be made another way today.

    Parameters
    ----------
    products : iterable of product
        Objects of any classes.
    pars : mapping
        Process parameters one would use; defaults for those left out.
    name : str, optional
        What they are, for what is printed.
    """
    items = list(products)
    shelf = Shelf()
    shelf.look_ahead(items)
    today = Today(choose=shelf.choose, pars=pars)
    why: dict[Any, Reasons] = {}
    unseen: dict[Any, str] = {}
    for item in items:
        try:
            found = reasons(item, today)
        except NotVisible as error:
            unseen[item] = str(error)
            continue
        if found:
            why[item] = found
    return Stale(why, len(items) - len(unseen), unseen, name)
