"""One pass over a query: `for r in query`, `list(query)`.

It reads nothing until it has to: `list` asks for the length first, and a short result is then
already there, so it costs one statement and not two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awe.db.query.query import Query

__all__ = ["Reading"]


class Reading(Iterator[Any]):
    """One pass over the objects of a query.

    Parameters
    ----------
    query : Query
        What to read.
    most : int
        Objects read by one statement; a longer result is streamed.
    """

    def __init__(self, query: Query, most: int) -> None:
        self._query = query
        self._most = most
        self._first: list[Any] | None = None
        self._count: int | None = None
        self._objects: Iterator[Any] | None = None

    def __next__(self) -> Any:
        if self._objects is None:
            self._objects = self._begin()
        return next(self._objects)

    def count(self) -> int:
        """Return the number of objects, that of the pass itself as long as it has not begun."""
        if self._objects is not None:
            return self._query.count()
        if self._count is None:
            self._first = self._query._objects(limit=self._most + 1)
            few = len(self._first) <= self._most
            self._count = len(self._first) if few else self._query.count()
        return self._count

    def _begin(self) -> Iterator[Any]:
        if self._first is None:
            self._first = self._query._objects(limit=self._most + 1)
        objects, self._first = self._first, None
        if len(objects) <= self._most:
            return iter(objects)
        del objects
        self._query._guard(self._query.count() if self._count is None else self._count)
        return self._query.stream()
