"""Queries: a class, a condition, and everything one can ask of the objects that fulfil it.

Nothing is read until it is needed, and every reading reflects the rights and the level of
privileges of that moment. `project_only` and `user_only` narrow in place and return the query;
operators, `order_by` and `top` make new queries. The order is fixed: the natural order of the
class, then the id. More objects than the configured `query_limit` are never loaded unasked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn
from weakref import ref

from awe.db.declare import registry
from awe.db.declare.entity import Entity
from awe.db.declare.hints import of_query
from awe.db.query import loading
from awe.db.query.compiler import Compiler, Source
from awe.db.query.conditions import (
    Compare,
    Condition,
    InRegion,
    Not,
    Or,
    Selection,
    Steps,
    Within,
    both,
)
from awe.db.query.during import during
from awe.db.query.misused import PARENTHESES, comparison
from awe.db.query.path import named, resolve
from awe.db.query.picking import Picking
from awe.db.query.places import OnSky, position_of
from awe.db.query.sky import Region
from awe.db.server import scope
from awe.db.server.connection import database
from awe.db.server.cursor import Cursor
from awe.errors import AttributeUnknown, OutOfRange, ProjectUnknown, QueryError, nearest
from awe.lazy import behaviour

__all__ = ["Query", "id_of"]

#: Objects read by one statement while iterating.
CHUNK = 1000
LARGEST_OFFSET = 2**62

Order = tuple[tuple[Steps, bool], ...]


class Query(OnSky["Query"], Picking, Selection):
    """The objects of one class that fulfil a condition.

    Made by comparing attributes of a class, `RawScienceFrame.EXPTIME > 100`, and combined with
    `&`, `|`, `-` (those of one without those of another) and `~`; each comparison needs its own
    parentheses.

    Parameters
    ----------
    cls : type
        Class the query is about.
    condition : Condition
        Condition that its objects fulfil.
    order : tuple, optional
        Paths of the order and whether each is descending; the natural order of the class when
        left out.
    """

    def __init__(
        self,
        cls: type[Entity],
        condition: Condition,
        *,
        order: Order | None = None,
        limit: int | None = None,
        narrowed: tuple[str, ...] = (),
    ) -> None:
        self.cls = cls
        self.condition = condition
        self._order = order
        self._limit = limit
        self._narrowed = narrowed
        self._reading: ref[Reading] | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name[0] != "_" and name not in ("cls", "condition"):
            hint = comparison(self.cls.__name__, name, value)
            msg = f"query.{name} cannot be assigned{hint}"
            raise QueryError(msg)
        object.__setattr__(self, name, value)

    # -- combining ---------------------------------------------------------------------------

    def _other(self, other: Any) -> Condition:
        if not isinstance(other, Query):
            msg = f"{other!r} cannot be combined with a query; {PARENTHESES}"
            raise QueryError(msg)
        if other.cls is not self.cls:
            msg = (
                f"a query on {self.cls.__name__} and one on {other.cls.__name__} cannot be "
                f"combined; follow a link with .isin(query)"
            )
            raise QueryError(msg)
        return other._set()

    def _set(self) -> Condition:
        """Return the condition of being among the objects of this query."""
        if self._limit is None:
            return self.condition
        return Within(steps=(self.cls._attribute("object_id"),), query=self._fixed())

    def _fixed(self) -> Query:
        """Return the query as it is now: narrowing this one in place leaves that one alone."""
        return Query(
            self.cls, self.condition, order=self._order, limit=self._limit,
            narrowed=self._narrowed,
        )  # fmt: skip

    def __and__(self, other: Any) -> Query:
        condition = both(self._set(), self._other(other))
        narrowed = tuple(dict.fromkeys((*self._narrowed, *other._narrowed)))
        return Query(self.cls, condition, order=self._order, narrowed=narrowed)

    def __or__(self, other: Any) -> Query:
        return Query(self.cls, Or(parts=(self._set(), self._other(other))), order=self._order)

    def __invert__(self) -> Query:
        return Query(self.cls, Not(part=self._set()), order=self._order)

    def __sub__(self, other: Any) -> Query:
        condition = both(self._set(), Not(part=self._other(other)))
        return Query(self.cls, condition, order=self._order, narrowed=self._narrowed)

    def __rand__(self, other: Any) -> NoReturn:
        self._other(other)
        raise AssertionError

    __ror__ = __rand__

    def __bool__(self) -> NoReturn:
        msg = (
            "a query is neither true nor false: combine with & | ~ instead of and, or, not; "
            "write (0 < C.x) & (C.x < 3) instead of 0 < C.x < 3; test with len(query) > 0"
        )
        raise QueryError(msg)

    def _no_comparison(self, other: Any) -> NoReturn:
        msg = f"a query cannot be compared with {other!r}; {PARENTHESES}"
        raise QueryError(msg)

    __eq__ = __ne__ = _no_comparison
    __lt__ = __le__ = __gt__ = __ge__ = _no_comparison
    __hash__ = object.__hash__

    # -- narrowing ---------------------------------------------------------------------------

    def project_only(self, name: str | None = None) -> Query:
        """Keep only objects of a project, the current one if none is named; in place."""
        if name is None or name == scope.current().project_name:
            number, name = scope.current().project_id, scope.current().project_name
        else:
            number = id_of("project", "name", name)
        return self._narrow("_project", number, f"project {name}")

    def user_only(self, name: str | None = None) -> Query:
        """Keep only objects made by a user, yourself if nobody is named; in place."""
        if name is None or name.upper() == scope.current().user_name.upper():
            number, name = scope.current().user_id, scope.current().user_name
        else:
            number = id_of("users", "role_name", name.lower())
        return self._narrow("_creator", number, f"user {name}")

    def _narrow(self, name: str, value: int, text: str) -> Query:
        steps = (self.cls._attribute(name),)
        self.condition = both(self._set(), Compare(steps=steps, operator="==", value=value))
        self._limit = None
        self._narrowed = tuple(dict.fromkeys((*self._narrowed, text)))
        return self

    def _in_region(self, region: Region, *, outline: bool = False) -> Query:
        steps = position_of(self.cls, self.cls.__name__, outline=outline)
        return self & Query(self.cls, InRegion(steps=steps, region=region))

    def during(self, start: Any, end: Any = None) -> Query:
        """Return the query for objects that share a moment with a span of time.

        Exposures take their time from `DATE_OBS` on, calibrations from `timestamp_start` to
        `timestamp_end`; what ends when the span begins is not found.

        Parameters
        ----------
        start, end : datetime or str
            The span, UTC; an object alone stands for its own.
        """
        return self & Query(self.cls, during(self.cls, start, end))

    def order_by(self, *names: str) -> Query:
        """Return the query for the same objects in another order.

        Parameters
        ----------
        *names : str
            Attributes or chains, `"filter.name"`; a leading minus sorts downwards.
        """
        order = []
        for name in names:
            downwards = isinstance(name, str) and name.startswith("-")
            order.append((resolve(self.cls, name[1:] if downwards else name), downwards))
        return Query(self.cls, self._set(), order=tuple(order), narrowed=self._narrowed)

    def top(self, number: int) -> Query:
        """Return the query for the first `number` objects, in the query's order."""
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            msg = f"top({number!r}): expected a number of objects, 0 or more"
            raise QueryError(msg)
        limit = number if self._limit is None else min(number, self._limit)
        return Query(
            self.cls, self.condition, order=self._order, limit=limit, narrowed=self._narrowed
        )

    # -- statements --------------------------------------------------------------------------

    def _source(self, compiler: Compiler) -> tuple[Source, str]:
        """Return the table and the whole condition, scope and limit included."""
        if registry.registry.get(self.cls.__name__) is not self.cls:
            names = ", ".join(sorted(c.__name__ for c in registry.concrete(self.cls)))
            msg = f"{self.cls.__name__} is abstract and has no table; query one of {names}"
            raise QueryError(msg)
        source = Source(compiler, self.cls)
        if self._limit is not None:
            return source, f"{source.alias}.object_id IN ({self._ids(compiler)})"
        where = compiler.where(source, self.condition)
        return source, where + self._level(compiler, source)

    def _level(self, compiler: Compiler, source: Source) -> str:
        level = scope.current().privileges
        return f" AND {source.alias}._privileges >= {compiler.bind(level)}" if level > 1 else ""

    def _ids(self, compiler: Compiler) -> str:
        """Return the statement for the ids, as a part of another one."""
        source = Source(compiler, self.cls)
        where = compiler.where(source, self.condition) + self._level(compiler, source)
        if self._limit is None:
            return f"SELECT {source.alias}.object_id FROM {source.text} WHERE {where}"
        order = self._order_text(source)
        limit = compiler.bind(self._limit)
        return (
            f"SELECT {source.alias}.object_id FROM {source.text} WHERE {where} "
            f"ORDER BY {order} LIMIT {limit}"
        )

    def _order_text(self, source: Source, *, backwards: bool = False) -> str:
        order = self._order
        if order is None:
            order = tuple((resolve(self.cls, name), False) for name in self.cls.__order__)
        id_steps = (self.cls._attribute("object_id"),)
        terms = []
        # The id decides between equals: without it OFFSET could show a row twice and omit another.
        # Backwards, NULLs change their end too, so that query[-1] is the last of the same order.
        for steps, downwards in (*order, (id_steps, False)):
            direction = "DESC" if downwards is not backwards else "ASC"
            nulls = "FIRST" if backwards else "LAST"
            terms.append(f"{source.value(steps)} {direction} NULLS {nulls}")
        return ", ".join(terms)

    def _objects(
        self, *, limit: int | None = None, offset: int = 0, backwards: bool = False
    ) -> list[Any]:
        text, values = self._statement(limit=limit, offset=offset, backwards=backwards)
        return loading.restore(self.cls, database.execute(text, values))

    def _statement(
        self, *, limit: int | None = None, offset: int = 0, backwards: bool = False
    ) -> tuple[str, dict[str, Any]]:
        compiler = Compiler()
        source, where = self._source(compiler)
        order = self._order_text(source, backwards=backwards)
        columns = loading.columns(self.cls, source.alias)
        text = f"SELECT {columns} FROM {source.text} WHERE {where} ORDER BY {order}"
        if limit is not None:
            text += f" LIMIT {compiler.bind(limit)}"
        if offset:
            text += f" OFFSET {compiler.bind(offset)}"
        return text, compiler.values

    # -- reading -----------------------------------------------------------------------------

    def count(self) -> int:
        """Return the number of objects; nothing is loaded."""
        compiler = Compiler()
        source, where = self._source(compiler)
        text = f"SELECT count(*) FROM {source.text} WHERE {where}"
        number: int = database.execute(text, compiler.values)[0][0]
        return number

    def __len__(self) -> int:
        # list() asks for the length between making the iterator and using it: what the
        # iterator is about to read answers that, and one statement does for both.
        reading = self._reading() if self._reading is not None else None
        return self.count() if reading is None else reading.count()

    def __iter__(self) -> Iterator[Any]:
        reading = Reading(self, CHUNK)
        self._reading = ref(reading)
        return reading

    def stream(self) -> Iterator[Any]:
        """Iterate over any number of objects; memory does not grow with their number."""
        compiler = Compiler()
        source, where = self._source(compiler)
        order = self._order_text(source)
        # A held cursor is copied on the server: ids are small. Each piece is then read as of now,
        # so that what was deleted or hidden meanwhile is absent instead of stale.
        text = f"SELECT {source.alias}.object_id FROM {source.text} WHERE {where} ORDER BY {order}"
        with Cursor(text, compiler.values) as cursor:
            for rows in cursor.chunks(CHUNK):
                ids = [row[0] for row in rows]
                found = loading.read(self.cls, ids)
                yield from (found[one] for one in ids if one in found)

    def _guard(self, number: int) -> None:
        limit = int(database.environment.query_limit)
        if number > limit:
            msg = (
                f"{number} {self.cls.__name__} would be loaded, the limit is {limit}: narrow the "
                f"query, take query.top({limit}), or loop over query.stream()"
            )
            raise QueryError(msg)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._slice(index)
        try:
            index = index.__index__()
        except AttributeError:
            msg = f"query[{index!r}]: expected a number or a slice such as query[:5]"
            raise QueryError(msg) from None
        offset = index if index >= 0 else -index - 1
        found: list[Any] = []
        if offset < LARGEST_OFFSET:
            found = self._objects(limit=1, offset=offset, backwards=index < 0)
        if not found:
            msg = f"query[{index}]: the query has {self.count()} objects, counted from 0"
            raise OutOfRange(msg)
        return found[0]

    def _slice(self, index: slice) -> list[Any]:
        try:
            negative = any(part is not None and part < 0 for part in (index.start, index.stop))
            backwards = index.step is not None and index.step < 0
        except TypeError:
            msg = f"query[{index.start!r}:{index.stop!r}]: expected numbers"
            raise QueryError(msg) from None
        if index.step == 0:
            msg = "query[::0]: the step of a slice cannot be 0"
            raise QueryError(msg)
        unlimited = index.stop is None
        total = self.count() if negative or backwards or unlimited else LARGEST_OFFSET
        places = range(*index.indices(total))
        if not places:
            return []
        low, high = min(places[0], places[-1]), max(places[0], places[-1])
        self._guard(high - low + 1 if total < LARGEST_OFFSET else self._known(low, high))
        objects = self._objects(limit=high - low + 1, offset=low)
        if places.step > 0:
            return objects[:: places.step]
        return [objects[place - low] for place in places if place - low < len(objects)]

    def _known(self, low: int, high: int) -> int:
        wanted = high - low + 1
        limit = int(database.environment.query_limit)
        return wanted if wanted <= limit else min(wanted, max(0, self.count() - low))

    def values(self, *names: str) -> list[tuple[Any, ...]]:
        """Return values without objects: one tuple per object, in the query's order.

        A link is the name of what it points to, its id where it has no name.
        """
        compiler = Compiler()
        source, where = self._source(compiler)
        wanted = ", ".join(source.value(named(resolve(self.cls, name))) for name in names)
        order = self._order_text(source)
        text = f"SELECT {wanted} FROM {source.text} WHERE {where} ORDER BY {order}"
        return database.execute(text, compiler.values)

    def distinct(self, name: str) -> list[Any]:
        """Return the different values of an attribute or chain, sorted; None is left out."""
        compiler = Compiler()
        source, where = self._source(compiler)
        value = source.value(resolve(self.cls, name))
        text = (
            f"SELECT DISTINCT {value} FROM {source.text} "
            f"WHERE {where} AND {value} IS NOT NULL ORDER BY 1"
        )
        return [row[0] for row in database.execute(text, compiler.values)]

    stats = behaviour("awe.db.query.summary:stats")
    group_by = behaviour("awe.db.query.groups:group_by")
    plot = behaviour("awe.db.query.trend:plot")
    inspect = behaviour("awe.model.focalplane:inspect")
    stale = behaviour("awe.rules.staleness:stale")
    missing = behaviour("awe.rules.absent:missing")
    remake = behaviour("awe.tasks.renewal:remake_all")
    to_table = behaviour("awe.db.query.columns:to_table")
    to_pandas = behaviour("awe.db.query.columns:to_pandas")
    retrieve = behaviour("awe.model.manyfiles:retrieve")
    save = behaviour("awe.db.query.saved:save")
    load = behaviour("awe.db.query.saved:load")
    forget = behaviour("awe.db.query.saved:forget")

    # -- looking at it -----------------------------------------------------------------------

    @property
    def sql(self) -> str:
        """The statement that would load the objects, with its values."""
        return database.printable(*self._statement())

    def explain(self) -> str:
        """Return how the database would find the objects: its plan."""
        text, values = self._statement()
        rows = database.execute(f"EXPLAIN {text}", values)
        return "\n".join(row[0] for row in rows)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeUnknown(of_query(self.cls, name, dir(type(self))))

    def __repr__(self) -> str:
        text: str = self._text()
        return text

    _text = behaviour("awe.db.query.summary:text")
    _repr_html_ = behaviour("awe.db.query.summary:html")


class Reading(Iterator[Any]):
    """One pass over the objects of a query: `for r in query`, `list(query)`.

    It reads nothing until it has to: `list` asks for the length first, and a short result is then
    already there, so it costs one statement and not two.

    Parameters
    ----------
    query : Query
        Query whose objects are read.
    most : int
        Largest number of objects read by one statement; a longer result is streamed.
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


def id_of(kind: str, column: str, name: str) -> int:
    """Return the id of a project or user by its name."""
    rows = database.execute(f"SELECT {column}::text, id FROM awe.{kind}")
    known = {row[0]: row[1] for row in rows}
    if name not in known:
        msg = f"there is no {kind.removesuffix('s')} {name!r}{nearest(name, list(known))}"
        raise ProjectUnknown(msg)
    number: int = known[name]
    return number
