"""What a query looks like and adds up to: repr, HTML, statistics.

Everything is computed by the database.
"""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from typing import Any

from awe import columns
from awe.db.declare.attributes import Kind, Persistent
from awe.db.query.compiler import Compiler
from awe.db.query.path import resolve
from awe.db.query.query import Query
from awe.db.server import scope
from awe.db.server.connection import database
from awe.errors import QueryError
from awe.terminal import harmless

__all__ = ["Stats", "html", "stats", "text"]

#: Attributes shown for each object, as far as its class has them.
COLUMNS = ("filename", "name", "start", "DATE_OBS", "chip.name", "filter.name", "OBJECT",
           "timestamp_start", "timestamp_end", "is_valid", "about_class", "author", "content",
           "creation_date")  # fmt: skip
MOST_COLUMNS = 6
FEWEST_COLUMNS = 3
#: Objects shown.
SHOWN = 20


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
    """Return count, missing, min, max, mean, median and stdev of a numeric attribute."""
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


def _columns(query: Query) -> list[str]:
    found = []
    for name in COLUMNS:
        first = name.split(".")[0]
        attribute = query.cls._attributes.get(first)
        if attribute is None or (attribute.is_link and "." not in name):
            continue
        found.append(name)
    if len(found) < FEWEST_COLUMNS:
        # A class that has few of these, as one's own classes do, shows what it has instead.
        *leading, last = found
        more = [one.name for one in query.cls._attributes.values() if _fits_a_cell(one)]
        shown = [one for one in dict.fromkeys([*leading, *more]) if one != last]
        found = [*shown[: MOST_COLUMNS - 1], last]
    return found[:MOST_COLUMNS]


def _fits_a_cell(attribute: Persistent[Any]) -> bool:
    """Return True for a plain value that people gave."""
    return (
        attribute.kind is Kind.VALUE
        and attribute.declared_type not in (dict, uuid.UUID)
        and not attribute.name.startswith("_")
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, float):
        return f"{value:.7g}"
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


def text(query: Query, most: int = SHOWN) -> str:
    """Return count, scope and the first rows."""
    heading, names, rows = _contents(query, most)
    if not rows:
        return heading
    body = columns.lines(names, rows)
    number = int(heading.split(" ", 1)[0])
    more = [f"... and {number - len(rows)} more"] if number > len(rows) else []
    return "\n".join([heading, *body, *more])


def html(query: Query, most: int = SHOWN) -> str:
    """Return the same as an HTML table."""
    heading, names, rows = _contents(query, most)
    return columns.html(names, rows, title=heading)
