"""Pages of a query's values: each begins behind the last row of the one before, by the index.

An OFFSET reads and throws away everything before it; a place in the order is found at once,
however many millions are before it. Missing values come last in either direction, in a part of
their own, so that the index on the values gives the order of the others both ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from awe.db.query.compiler import Compiler
from awe.db.query.path import named, resolve
from awe.db.query.query import Query
from awe.db.server.connection import database
from awe.errors import DatabaseError

__all__ = ["Place", "Row", "at_most", "page"]

#: Patience of a count that nobody needs [ms].
MOMENT = 300
#: What a count that is not finished is called by the database.
CANCELLED = "57014"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place in an order: behind this value, and among equals behind this object.

    Attributes
    ----------
    value : object
        Value of the attribute that is sorted by; None behind the last one that has a value.
    object_id : UUID
        Object there.
    """

    value: Any
    object_id: UUID


@dataclass(frozen=True, kw_only=True)
class Row:
    """One object of a page: its place in the order, and the requested values."""

    place: Place
    values: tuple[Any, ...]


def page(
    query: Query,
    names: Sequence[str],
    *,
    sort: str,
    downwards: bool = False,
    after: Place | None = None,
    size: int = 50,
) -> list[Row]:
    """Return the values of the next objects of a query.

    Parameters
    ----------
    query : Query
        Whose objects; its own order is not used.
    names : sequence of str
        Attributes or chains; a link is the name of what it points to.
    sort : str
        Attribute by which they are sorted.
    downwards : bool
        Whether the largest come first.
    after : Place, optional
        Place behind which the page begins; the beginning when left out.
    size : int
        Largest number of objects.

    Raises
    ------
    QueryError, AttributeUnknown
        There is no such attribute, or it has no single value.
    """
    rows: list[Row] = []
    if after is None or after.value is not None:
        rows = _part(query, names, sort, downwards, after, size)
        after = None
    if len(rows) < size and sort != "object_id":
        rows += _part(query, names, sort, downwards, after, size - len(rows), missing=True)
    return rows


def _part(
    query: Query,
    names: Sequence[str],
    sort: str,
    downwards: bool,
    after: Place | None,
    size: int,
    *,
    missing: bool = False,
) -> list[Row]:
    """Return a page of those that have a value to be sorted by, or of those that have none."""
    compiler = Compiler()
    source, where = query._source(compiler)
    value = source.value(resolve(query.cls, sort))
    number = f"{source.alias}.object_id"
    wanted = [source.value(named(resolve(query.cls, name))) for name in names]
    sign, direction = ("<", "DESC") if downwards else (">", "ASC")
    where += f" AND {value} IS {'' if missing else 'NOT '}NULL"
    if after is not None:
        behind = f"{number} > {compiler.bind(after.object_id)}"
        if not missing:
            place = compiler.bind(after.value)
            behind = f"{value} {sign}= {place} AND ({value} {sign} {place} OR {behind})"
        where += f" AND {behind}"
    # among equals by the id, upwards in either direction: the order of the query language
    order = number if missing else f"{value} {direction}, {number}"
    text = (
        f"SELECT {', '.join([number, value, *wanted])} FROM {source.text} WHERE {where} "
        f"ORDER BY {order} LIMIT {compiler.bind(size)}"
    )
    return [
        Row(place=Place(value=row[1], object_id=row[0]), values=row[2:])
        for row in database.execute(text, compiler.values)
    ]


def at_most(query: Query, most: int) -> int | None:
    """Return how many objects a query has, `most` + 1 for more; None if that takes too long."""
    compiler = Compiler()
    source, where = query._source(compiler)
    limit = compiler.bind(most + 1)
    text = f"SELECT count(*) FROM (SELECT 1 FROM {source.text} WHERE {where} LIMIT {limit}) x"
    try:
        with database.transaction(reading=True):
            database.execute(f"SET LOCAL statement_timeout = {MOMENT}")
            number: int = database.execute(text, compiler.values)[0][0]
    except DatabaseError as error:
        if getattr(error.__cause__, "pgcode", None) != CANCELLED:
            raise
        return None
    return number
