"""One object of a query: the first, the only one, the one with the largest value, the newest.

And whether there is any: of one query, or of several with one statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from awe.db.declare.entity import Entity
from awe.db.query import loading
from awe.db.query.compiler import Compiler, Source
from awe.db.query.path import resolve
from awe.db.server.connection import database
from awe.errors import NotFound, QueryError

__all__ = ["Picking", "which_exist"]


def which_exist(queries: Sequence[Picking]) -> list[bool]:
    """Return for each of several queries whether any object fits, with one statement.

    Parameters
    ----------
    queries : sequence of Query
        Queries of any classes.
    """
    if not queries:
        return []
    compiler = Compiler()
    parts = [_exists(query, compiler) for query in queries]
    [row] = database.execute("SELECT " + ", ".join(parts), compiler.values)
    return [bool(one) for one in row]


def _exists(query: Picking, compiler: Compiler) -> str:
    source, where = query._source(compiler)
    return f"EXISTS (SELECT 1 FROM {source.text} WHERE {where})"


class Picking:
    """What picks one object of many; a query is one."""

    cls: type[Entity]

    def _source(self, compiler: Compiler) -> tuple[Source, str]:
        raise NotImplementedError

    def _objects(self, *, limit: int | None = None) -> list[Any]:
        raise NotImplementedError

    def count(self) -> int:
        """Return the number of objects."""
        raise NotImplementedError

    def first(self) -> Any:
        """Return the first object in the query's order, or None."""
        found = self._objects(limit=1)
        return found[0] if found else None

    def one(self) -> Any:
        """Return the only object.

        Raises
        ------
        NotFound
            There is nothing that fits, or that you may see.
        QueryError
            Several fit.
        """
        found = self._objects(limit=2)
        if len(found) == 1:
            return found[0]
        name = self.cls.__name__
        if not found:
            msg = f"one(): no {name} fits that you may see; query.first() is None then"
            raise NotFound(msg)
        msg = (
            f"one(): {self.count()} {name} fit, the first is {found[0]!r}; narrow the query, or "
            f"take query.first()"
        )
        raise QueryError(msg)

    def exists(self) -> bool:
        """Return True if any object fits; the search ends with the first."""
        return which_exist([self])[0]

    def max(self, name: str) -> Any:
        """Return the object with the largest value of an attribute, or None."""
        return self._extreme(name, "DESC")

    def newest(self) -> Any:
        """Return the object committed last, or None.

        For conditions that leave few objects: those are found first. `max('creation_date')`
        may walk from the newest object of the class back to the first that fits.
        """
        return self._extreme("creation_date", "DESC", found_first=True)

    def min(self, name: str) -> Any:
        """Return the object with the smallest value of an attribute, or None."""
        return self._extreme(name, "ASC")

    def _extreme(self, name: str, direction: str, *, found_first: bool = False) -> Any:
        steps = resolve(self.cls, name)
        compiler = Compiler()
        source, where = self._source(compiler)
        value = source.value(steps)
        # No index has the order of an expression, so the planner cannot hope to meet the first
        # fitting object early: ranges of validity are so correlated that it hopes in vain.
        order = f"({value} + interval '0')" if found_first else value
        text = (
            f"SELECT {loading.columns(self.cls, source.alias)} FROM {source.text} "
            f"WHERE {where} AND {value} IS NOT NULL "
            f"ORDER BY {order} {direction}, {source.alias}.object_id {direction} LIMIT 1"
        )
        found = loading.restore(self.cls, database.execute(text, compiler.values))
        return found[0] if found else None
