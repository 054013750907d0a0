"""`query.group_by('filter').mean('imstat.median')`: one row for each value, as a table.

Everything is computed by the database, with one statement; no objects are loaded.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any, NoReturn

from awe.db.declare.attributes import Kind, Persistent
from awe.db.query.columns import ObjectTable, made_column
from awe.db.query.compiler import Compiler, Source
from awe.db.query.conditions import Steps
from awe.db.query.path import named, resolve
from awe.db.query.query import Query
from awe.db.server.connection import database
from awe.errors import AttributeUnknown, QueryError, nearest

__all__ = ["Groups", "group_by"]

#: What is computed of the values of a group, by name.
OF_NUMBERS = {
    "mean": "avg({0})::float8",
    "median": "percentile_cont(0.5) WITHIN GROUP (ORDER BY {0})",
    "stdev": "coalesce(stddev_samp({0}), 0)::float8",
    "sum": "sum({0})::float8",
}
OF_ANY = {"min": "min({0})", "max": "max({0})", "number": "count({0})"}
#: In the order in which `stats` shows them.
STATISTICS = ("number", "min", "max", "mean", "median", "stdev")
ORDERED = (int, float, str, datetime.datetime)
NIGHT = "night"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A column of the table that is made: its name, what is computed, what it is."""

    name: str
    text: str
    kind: Any
    unit: str = ""
    doc: str = field(default="")


class Groups:
    """The objects of a query by the values of attributes; shown as the number of each.

    Parameters
    ----------
    query : Query
        The objects.
    names : tuple of str
        Attributes or chains; a group has one value of each.
    """

    def __init__(self, query: Query, names: tuple[str, ...]) -> None:
        self._query = query
        self._names = names
        self._paths = [_key(query, name) for name in names]

    def count(self) -> ObjectTable:
        """Return a table with the number of objects of each group."""
        return self._table([])

    def mean(self, *names: str) -> ObjectTable:
        """Return a table with the mean of numbers in each group."""
        return self._of("mean", names)

    def median(self, *names: str) -> ObjectTable:
        """Return a table with the median of numbers in each group."""
        return self._of("median", names)

    def stdev(self, *names: str) -> ObjectTable:
        """Return a table with the standard deviation of numbers in each group."""
        return self._of("stdev", names)

    def sum(self, *names: str) -> ObjectTable:
        """Return a table with the sum of numbers in each group."""
        return self._of("sum", names)

    def min(self, *names: str) -> ObjectTable:
        """Return a table with the smallest value of attributes in each group."""
        return self._of("min", names)

    def max(self, *names: str) -> ObjectTable:
        """Return a table with the largest value of attributes in each group."""
        return self._of("max", names)

    def stats(self, *names: str) -> ObjectTable:
        """Return a table with number, min, max, mean, median and stdev in each group."""
        self._require("stats", names)
        return self._table([(kind, name) for name in names for kind in STATISTICS])

    def _of(self, kind: str, names: tuple[str, ...]) -> ObjectTable:
        self._require(kind, names)
        return self._table([(kind, name) for name in names])

    def _require(self, kind: str, names: tuple[str, ...]) -> None:
        if not names:
            msg = f"{kind}() of which attribute? group_by(...).{kind}('EXPTIME')"
            raise QueryError(msg)

    def _table(self, wanted: list[tuple[str, str]]) -> ObjectTable:
        compiler = Compiler()
        source, where = self._query._source(compiler)
        keys = [
            _cell(source, name, path) for name, path in zip(self._names, self._paths, strict=True)
        ]
        cells = [*keys, Cell(name="count", text="count(*)", kind=int, doc="Number of objects"),
                 *(self._computed(source, kind, name) for kind, name in wanted)]  # fmt: skip
        if len({cell.name for cell in cells}) < len(cells):
            msg = f"a column is named twice: {', '.join(cell.name for cell in cells)}"
            raise QueryError(msg)
        order = ", ".join(str(place + 1) for place in range(len(keys)))
        text = (
            f"SELECT {', '.join(cell.text for cell in cells)} FROM {source.text} WHERE {where} "
            f"GROUP BY {order} ORDER BY {order}"
        )
        rows = database.execute(text, compiler.values)
        table = ObjectTable()
        for place, cell in enumerate(cells):
            table[cell.name] = made_column(cell.kind, cell.unit, [row[place] for row in rows])
            table[cell.name].info.description = cell.doc
        return table

    def _computed(self, source: Source, kind: str, name: str) -> Cell:
        steps = resolve(self._query.cls, name)
        last: Persistent[Any] = steps[-1]
        declared = last.declared_type
        text = f"{self._query.cls.__name__}.{name}"
        if kind in OF_NUMBERS and (last.kind is not Kind.VALUE or declared not in (int, float)):
            msg = f"{kind}({name!r}): {text} is {last.type_name}, no number"
            raise QueryError(msg)
        if kind in OF_ANY and (last.kind is not Kind.VALUE or declared not in ORDERED):
            msg = f"{kind}({name!r}): {text} is {last.type_name}, which has no order"
            raise QueryError(msg)
        formula = (OF_NUMBERS | OF_ANY)[kind]
        return Cell(
            name=f"{name}_{kind}", text=formula.format(source.value(steps)),
            kind=int if kind == "number" else float if kind in OF_NUMBERS else declared,
            unit="" if kind == "number" else last.unit,
            doc=f"{kind} of {(last.__doc__ or name).strip()}",
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.count())

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        known = [one for one in dir(type(self)) if not one.startswith("_")]
        hint = "; .stats('EXPTIME') gives all" if name in ("agg", "aggregate") else (
            nearest(name, known) or f"; it has {', '.join(known)}"
        )
        msg = f"a grouped query has no {name!r}{hint}"
        raise AttributeUnknown(msg)

    def __repr__(self) -> str:
        return str(self.count())

    def _repr_html_(self) -> str:
        html: str = self.count()._repr_html_()
        return html


def group_by(query: Query, *names: Any) -> Groups:
    """Return the objects by the values of attributes: `q.group_by('filter').mean('EXPTIME')`.

    A table comes back from each of `count()`, `mean()`, `median()`, `stdev()`, `sum()`, `min()`,
    `max()` and `stats()`, with one row per group, those without a value last.

    Parameters
    ----------
    *names : str
        Attributes or chains, `"filter"`, `"chip.name"`; `"night"` for the nights of `DATE_OBS`
        by the clock of each telescope.

    Raises
    ------
    QueryError
        Nothing is named, or an attribute has no single value.
    AttributeUnknown
        There is no such attribute.
    """
    if not names:
        msg = "group_by() by which attribute? group_by('filter'), group_by('chip', 'night')"
        raise QueryError(msg)
    return Groups(query, tuple(str(name) for name in names))


def _key(query: Query, name: str) -> Steps:
    cls = query.cls
    if name == NIGHT and NIGHT not in cls._attributes and "DATE_OBS" in cls._attributes:
        return ()
    steps = named(resolve(cls, name))
    if steps[-1].declared_type is dict:
        msg = f"group_by({name!r}): {cls.__name__}.{name} is a dictionary; name a plain attribute"
        raise QueryError(msg)
    return steps


def _cell(source: Source, name: str, path: Steps) -> Cell:
    """Return the column of a key; the empty path is the night."""
    if not path:
        date = source.value(resolve(source.cls, "DATE_OBS"))
        clock = "0"
        if "instrument" in source.cls._attributes:
            clock = f"coalesce({source.value(resolve(source.cls, 'instrument.utc_offset'))}, 0)"
        # noon of the site is where one night ends and the next begins
        text = f"to_char({date} + ({clock} - 12) * interval '1 hour', 'YYYY-MM-DD')"
        return Cell(name=name, text=text, kind=str, doc="Date on which the night began")
    last: Persistent[Any] = path[-1]
    kind: Any = str if last.is_link else last.declared_type
    return Cell(
        name=name, text=source.value(path), kind=kind, unit=last.unit, doc=last.__doc__ or ""
    )
