"""What a query looks like and adds up to: repr, HTML, statistics, tables.

Everything is computed by the database; astropy is imported only to make a Table.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from awe import columns
from awe.db import scope
from awe.db.attributes import Kind
from awe.db.compiler import Compiler
from awe.db.connection import database
from awe.db.path import resolve
from awe.errors import QueryError
from awe.terminal import harmless

if TYPE_CHECKING:
    from astropy.table import Table

    from awe.db.query import Query

__all__ = ["Stats", "html", "stats", "text", "to_table"]

#: Attributes shown for each object, as far as its class has them.
COLUMNS = ("filename", "name", "start", "DATE_OBS", "chip.name", "filter.name", "OBJECT",
           "timestamp_start", "timestamp_end", "is_valid", "creation_date")  # fmt: skip
MOST_COLUMNS = 6


@dataclass(frozen=True, kw_only=True)
class Stats:
    """Statistics of the values of one attribute over the objects of a query."""

    name: str
    count: int
    #: Objects without a value.
    missing: int
    min: Any
    max: Any
    mean: float | None
    median: float | None
    stdev: float | None

    def __repr__(self) -> str:
        if not self.count:
            return f"{self.name}: no values ({self.missing} missing)"
        return (
            f"{self.name}: {self.count} values ({self.missing} missing), min {self.min:g}, "
            f"max {self.max:g}, mean {self.mean:g}, median {self.median:g}, stdev {self.stdev:g}"
        )


def stats(query: Query, name: str) -> Stats:
    """Return the statistics of a numeric attribute."""
    steps = resolve(query.cls, name)
    if steps[-1].declared_type not in (int, float):
        msg = f"stats({name!r}): {query.cls.__name__}.{name} is {steps[-1].type_name}, no number"
        raise QueryError(msg)
    compiler = Compiler()
    source, where = query._source(compiler)
    value = source.value(steps)
    statement = (
        f"SELECT count({value}), count(*) - count({value}), min({value}), max({value}), "
        f"avg({value})::float8, percentile_cont(0.5) WITHIN GROUP (ORDER BY {value}), "
        f"coalesce(stddev_samp({value}), 0)::float8 FROM {source.text} WHERE {where}"
    )
    row = database.execute(statement, compiler.values)[0]
    names = ("count", "missing", "min", "max", "mean", "median", "stdev")
    return Stats(name=name, **dict(zip(names, row, strict=True)))


def to_table(query: Query, names: tuple[str, ...]) -> Table:
    """Return the values as an astropy Table, with descriptions and units where they are known."""
    from astropy.table import MaskedColumn, Table

    if not names:
        values = (Kind.VALUE,)
        names = tuple(n for n in query.cls.get_persistent_properties()
                      if query.cls._attribute(n).kind in values)  # fmt: skip
    query._guard(query.count())
    rows = query.values(*names)
    result = Table()
    for position, name in enumerate(names):
        attribute = resolve(query.cls, name)[-1]
        cells = [row[position] for row in rows]
        plain = attribute.declared_type in (int, float, bool)
        mask = [cell is None for cell in cells]
        if plain:
            fill = attribute.declared_type()  # type: ignore[operator]
            cells = [fill if cell is None else cell for cell in cells]
            column = MaskedColumn(cells, mask=mask, dtype=attribute.declared_type)
        else:
            cells = [str(cell) if isinstance(cell, UUID) else cell for cell in cells]
            column = MaskedColumn(cells, mask=mask, dtype=_text_type(attribute, cells))
        column.description = attribute.__doc__
        result[name] = column
    return result


def _text_type(attribute: Any, cells: list[Any]) -> Any:
    if attribute.declared_type is str and all(isinstance(cell, str) for cell in cells):
        return str
    return object


def _columns(query: Query) -> list[str]:
    found = []
    for name in COLUMNS:
        first = name.split(".")[0]
        attribute = query.cls._attributes.get(first)
        if attribute is None or (attribute.is_link and "." not in name):
            continue
        found.append(name)
    return found[:MOST_COLUMNS] or ["object_id"]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return harmless(str(value))


def _contents(query: Query, most: int) -> tuple[str, list[str], list[list[str]]]:
    """Return heading, column names and the first rows."""
    number = query.count()
    names = _columns(query)
    rows = query.top(most).values(*names) if number else []
    current = scope.current()
    scopes = [f"level >= {current.privileges}"] if current.privileges > 1 else []
    scopes += query._narrowed
    where = f" in {', '.join(scopes)}" if scopes else ""
    heading = f"{number} {query.cls.__name__}{where}"
    return heading, names, [[_cell(value) for value in row] for row in rows]


def text(query: Query, most: int) -> str:
    """Return count, scope and the first rows."""
    heading, names, rows = _contents(query, most)
    if not rows:
        return heading
    body = columns.lines(names, rows)
    number = int(heading.split(" ", 1)[0])
    more = [f"... and {number - len(rows)} more"] if number > len(rows) else []
    return "\n".join([heading, *body, *more])


def html(query: Query, most: int) -> str:
    """Return the same as an HTML table."""
    heading, names, rows = _contents(query, most)
    return columns.html(names, rows, title=heading)
