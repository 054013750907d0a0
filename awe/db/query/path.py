"""Paths: what `Class.attribute.attribute` is in a query, and the comparisons it offers.

A path only builds conditions; it reads nothing. Whatever would silently mean something else than
it says (`and`, a chained comparison, forgotten parentheses, a value of the wrong type, a
misspelt attribute) raises one sentence that says what to write.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any, NoReturn

from awe.db.declare.attributes import Kind, Mismatch, Persistent, comparable
from awe.db.declare.entity import Entity
from awe.db.declare.registry import concrete
from awe.db.declare.registry import same as same_class
from awe.db.query.conditions import (
    Any_,
    Compare,
    CompareCount,
    ComparePaths,
    Condition,
    Holds,
    InRegion,
    IsNone,
    Like,
    Not,
    OneOf,
    Or,
    Selection,
    Steps,
    Within,
)
from awe.db.query.misused import PARENTHESES, Misused
from awe.db.query.nights import night_at
from awe.db.query.patterns import check
from awe.db.query.places import OnSky, position_of
from awe.db.query.sky import Region
from awe.errors import AttributeUnknown, QueryError, among
from awe.terminal import harmless

__all__ = ["RESERVED", "Path", "make_path", "named", "resolve"]

#: Names a persistent attribute may not have: they are operations of paths.
RESERVED = (
    "all", "any", "between", "box", "contains", "covers", "isin", "like", "near", "night",
    "overlaps",
)  # fmt: skip


class Path(Misused):
    """An attribute of a class, or of a class reached over links, as it is written in a query.

    Parameters
    ----------
    root : type
        Class the query is about.
    steps : tuple of Persistent
        Attributes from the class to the end of the path.
    """

    _root: type[Entity]
    _steps: Steps

    def __init__(self, root: type[Entity], steps: Steps) -> None:
        self.__dict__.update(_root=root, _steps=steps, __doc__=steps[-1].__doc__)

    @property
    def _last(self) -> Persistent[Any]:
        return self._steps[-1]

    @property
    def _text(self) -> str:
        return ".".join([self._root.__name__, *(step.name for step in self._steps)])

    def __repr__(self) -> str:
        return harmless(f"<{self._text}: {self._last.type_name}; {self.__doc__}>")

    def _query(self, condition: Condition) -> Selection:
        query: Selection = self._root._where(condition)
        return query

    def _value(self, value: Any) -> Any:
        _refuse_query(value)
        if isinstance(value, Path):
            msg = f"{self._text}: comparing two attributes works only with == != < <= > >="
            raise QueryError(msg)
        try:
            return comparable(self._last, value)
        except Mismatch as error:
            msg = f"{self._text} is {self._last.type_name}: {error}"
            raise QueryError(msg) from None

    def _compare(self, operator: str, value: Any) -> Selection:
        if isinstance(value, Path):
            return self._query(self._compare_paths(operator, value))
        if value is None:
            msg = f"{self._text} {operator} None has no meaning; write == None or != None"
            raise QueryError(msg)
        return self._query(Compare(steps=self._steps, operator=operator, value=self._value(value)))

    def _compare_paths(self, operator: str, other: Path) -> Condition:
        for path in (self, other):
            if any(step.kind in (Kind.LINKS, Kind.ARRAY) for step in path._steps):
                msg = f"{path._text} goes through a list; compare it with a value, or use .any()"
                raise QueryError(msg)
        if not same_class(other._root, self._root):
            msg = (
                f"{self._text} and {other._text} belong to different classes; compare with "
                f"an object, or use .isin(query)"
            )
            raise QueryError(msg)
        mine, others = self._last, other._last
        numbers = (int, float)
        same = mine.declared_type == others.declared_type or (
            mine.declared_type in numbers and others.declared_type in numbers
        )
        if mine.is_link and others.is_link:
            same = mine.target is others.target
        if not same or (mine.is_link and operator not in ("==",)):
            msg = (
                f"{self._text} is {mine.type_name} and {other._text} is {others.type_name}: "
                f"they cannot be compared with {operator}"
            )
            raise QueryError(msg)
        return ComparePaths(steps=self._steps, operator=operator, other=other._steps)

    def _equals(self, value: Any) -> Condition:
        if isinstance(value, Path):
            return self._compare_paths("==", value)
        if value is None:
            return IsNone(steps=self._steps)
        return Compare(steps=self._steps, operator="==", value=self._value(value))

    def __eq__(self, value: object) -> Selection:  # type: ignore[override]
        return self._query(self._equals(value))

    def __ne__(self, value: object) -> Selection:  # type: ignore[override]
        return self._query(Not(part=self._equals(value)))

    def __lt__(self, value: Any) -> Selection:
        return self._compare("<", value)

    def __le__(self, value: Any) -> Selection:
        return self._compare("<=", value)

    def __gt__(self, value: Any) -> Selection:
        return self._compare(">", value)

    def __ge__(self, value: Any) -> Selection:
        return self._compare(">=", value)

    def __hash__(self) -> int:
        return hash((self._root, self._steps))

    def isin(self, values: Any) -> Selection:
        """Return the query for objects whose value is one of `values`.

        Parameters
        ----------
        values : iterable or Query
            Values or objects; for a link also a query on the linked class.
        """
        if isinstance(values, Selection):
            return self._query(self._isin_query(values))
        if isinstance(values, str) or not isinstance(values, Iterable):
            msg = f"{self._text}.isin() expects a list of values or a query, not {values!r}"
            raise QueryError(msg)
        given = list(values)
        kept = tuple(self._value(value) for value in given if value is not None)
        condition: Condition = OneOf(steps=self._steps, values=kept)
        if any(value is None for value in given):
            condition = Or(parts=(condition, IsNone(steps=self._steps)))
        return self._query(condition)

    def _isin_query(self, query: Selection) -> Condition:
        if not self._last.is_link:
            msg = f"{self._text} is {self._last.type_name}, not a link: .isin() expects a list"
            raise QueryError(msg)
        if query.cls not in concrete(self._last.target):
            msg = (
                f"{self._text} links to {self._last.target.__name__}, "
                f"the query finds {query.cls.__name__}"
            )
            raise QueryError(msg)
        return Within(steps=self._steps, query=query._fixed())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        msg = f"{self._text} is {self._last.type_name} and has no {name!r}"
        if name in RESERVED:
            msg = f"{self._text} is {self._last.type_name}: .{name}() does not apply to it"
        raise AttributeUnknown(msg)


class ValuePath(Path):
    """A path that ends in a value."""

    def between(self, low: Any, high: Any) -> Selection:
        """Return the query for low <= value <= high."""
        return self.__ge__(low) & self.__le__(high)

    def _refuse_type(self, name: str, wanted: type) -> None:
        if self._last.declared_type is not wanted:
            msg = (
                f"{self._text} is {self._last.type_name}: .{name}() works on attributes "
                f"of type {wanted.__name__}"
            )
            raise QueryError(msg)

    def like(self, pattern: str, *, ignore_case: bool = False) -> Selection:
        """Return the query for strings that match a pattern, from end to end.

        Parameters
        ----------
        pattern : str
            Pattern: `*` any characters, `?` exactly one, `[abc]` or `[0-9]` one of those, `[!0-9]`
            one other than those; `[*]`, `[?]` and `[[]` are the characters themselves.
        ignore_case : bool
            Whether `a` and `A` are the same; slower, since no index helps.
        """
        self._refuse_type("like", str)
        wanted = self._value(pattern)
        check(self._text, wanted)
        return self._query(Like(steps=self._steps, pattern=wanted, ignore_case=bool(ignore_case)))

    def night(self, date: Any, utc_offset: float | None = None) -> Selection:
        """Return the query for one night: local noon to noon at the telescope.

        Parameters
        ----------
        date : datetime.date or str
            Civil date on which the night begins, `'2012-05-31'`.
        utc_offset : float, optional
            Local time minus UTC at the telescope [hour]; that of the instrument of each object
            when left out.
        """
        self._refuse_type("night", datetime.datetime)
        return self._query(night_at(self._root, self._steps, self._value(date), utc_offset))


class ArrayPath(Path):
    """A path that ends in a list of plain values."""

    def _compare(self, operator: str, value: Any) -> Selection:
        msg = (
            f"{self._text} is a {self._last.type_name}: write .contains(value) or "
            f".count() {operator} {value!r}"
        )
        raise QueryError(msg)

    def _equals(self, value: Any) -> Condition:
        self._compare("==", value)
        raise AssertionError

    def contains(self, value: Any) -> Selection:
        """Return the query for objects whose list contains the value."""
        return self._query(Holds(steps=self._steps, value=self._value(value)))

    def count(self) -> CountPath:
        """Return the number of elements, to be compared."""
        return CountPath(self)


class LinkPath(OnSky[Selection], Path):
    """A path that ends in a link; its attributes go on to the linked object."""

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            attribute = self._last.target._attributes.get(name)
            if attribute is not None:
                return make_path(self._root, (*self._steps, attribute))
        return super().__getattribute__(name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        attribute = self._last.target._attributes.get(name)
        if attribute is not None:
            return make_path(self._root, (*self._steps, attribute))
        target = self._last.target
        known = target.get_persistent_properties()
        msg = (
            f"{self._text} is a {target.__name__}, which has no attribute "
            f"{name!r}{among(name, known)}"
        )
        raise AttributeUnknown(msg)

    def __dir__(self) -> list[str]:
        return [*self._last.target.get_persistent_properties(), "isin"]

    def _compare(self, operator: str, value: Any) -> Selection:
        if isinstance(value, Path):
            return super()._compare(operator, value)
        msg = (
            f"{self._text} is a {self._last.type_name}: compare with an object by == or !=, "
            f"or one of its attributes by {operator}"
        )
        raise QueryError(msg)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            msg = (
                f"{self._text} is a {self._last.type_name}, not str: compare one of its "
                f"attributes ({self._suggest()} == {value!r}) or give the object"
            )
            raise QueryError(msg)
        return super()._value(value).object_id

    def _in_region(self, region: Region, *, outline: bool = False) -> Selection:
        target = self._last.target
        text = f"{self._text} is a {target.__name__} and"
        steps = position_of(target, text, outline=outline)
        return self._query(InRegion(steps=(*self._steps, *steps), region=region))

    def _suggest(self) -> str:
        names = self._last.target._attributes
        best = next((n for n in ("name", "filename") if n in names), "object_id")
        return f"{self._text}.{best}"


class ListPath(LinkPath):
    """A path that ends in a list of links; a comparison further on holds for any element."""

    def _equals(self, value: Any) -> Condition:
        msg = (
            f"{self._text} is a {self._last.type_name}: write .contains(obj), .any(query), "
            f".all(query) or .count() == n"
        )
        raise QueryError(msg)

    def contains(self, item: Entity) -> Selection:
        """Return the query for objects whose list contains `item`."""
        value = self._value(item)
        return self._query(Compare(steps=self._steps, operator="==", value=value))

    def any(self, query: Selection) -> Selection:
        """Return the query for objects of which at least one element is found by `query`."""
        return self._query(Any_(steps=self._steps, condition=self._inner(query, "any")))

    def all(self, query: Selection) -> Selection:
        """Return the query for objects all of whose elements are found; true for none."""
        inner = Not(part=self._inner(query, "all"))
        return self._query(Not(part=Any_(steps=self._steps, condition=inner)))

    def count(self) -> CountPath:
        """Return the number of elements, to be compared."""
        return CountPath(self)

    def _inner(self, query: Any, name: str) -> Condition:
        if not isinstance(query, Selection):
            msg = f"{self._text}.{name}() expects a query on {self._last.target.__name__}"
            raise QueryError(msg)
        if query.cls is not self._last.target:
            msg = (
                f"{self._text}.{name}() expects a query on {self._last.target.__name__}, "
                f"not on {query.cls.__name__}"
            )
            raise QueryError(msg)
        return query._set()

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), "contains", "any", "all", "count"]


class CountPath:
    """The number of elements of a list, waiting to be compared."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _compare(self, operator: str, value: Any) -> Selection:
        if isinstance(value, bool) or not isinstance(value, int):
            _refuse_query(value)
            msg = f"{self._path._text}.count() is a number, it cannot be compared with {value!r}"
            raise QueryError(msg)
        condition = CompareCount(steps=self._path._steps, operator=operator, value=value)
        return self._path._query(condition)

    def __eq__(self, value: object) -> Selection:  # type: ignore[override]
        return self._compare("==", value)

    def __ne__(self, value: object) -> Selection:  # type: ignore[override]
        return ~self._compare("==", value)

    def __lt__(self, value: Any) -> Selection:
        return self._compare("<", value)

    def __le__(self, value: Any) -> Selection:
        return self._compare("<=", value)

    def __gt__(self, value: Any) -> Selection:
        return self._compare(">", value)

    def __ge__(self, value: Any) -> Selection:
        return self._compare(">=", value)

    __hash__ = object.__hash__

    def __bool__(self) -> NoReturn:
        bool(self._path)
        raise AssertionError


def _refuse_query(value: Any) -> None:
    if isinstance(value, Selection | CountPath):
        msg = f"a query was given in place of a value; {PARENTHESES}"
        raise QueryError(msg)


def make_path(root: type[Entity], steps: Steps) -> Path:
    """Return the path of the kind its last step asks for."""
    kinds = {
        Kind.VALUE: ValuePath,
        Kind.ARRAY: ArrayPath,
        Kind.LINK: LinkPath,
        Kind.LINKS: ListPath,
    }
    return kinds[steps[-1].kind](root, steps)


def resolve(cls: type[Entity], name: Any, *, single: bool = True) -> Steps:
    """Return the steps of a path written as text, `'filter.name'`.

    Parameters
    ----------
    cls : type
        Class the path begins at.
    name : str
        Attribute names joined by dots.
    single : bool
        Whether paths through lists, which have more than one value, are refused.
    """
    if isinstance(name, Path):
        name = name._text.partition(".")[2]
    if not isinstance(name, str):
        msg = f"an attribute is named by a string such as 'DATE_OBS', not {name!r}"
        raise QueryError(msg)
    path: Any = None
    for part in name.split("."):
        if path is None:
            path = cls._path(cls._attribute(part))
        elif isinstance(path, LinkPath) and part in path._last.target._attributes:
            path = make_path(cls, (*path._steps, path._last.target._attributes[part]))
        else:
            path = Path.__getattr__(path, part) if not isinstance(path, LinkPath) else (
                LinkPath.__getattr__(path, part)
            )
    steps: Steps = path._steps
    if single and any(step.kind in (Kind.LINKS, Kind.ARRAY) for step in steps):
        msg = f"{path._text} goes through a list and has no single value"
        raise QueryError(msg)
    return steps


def named(steps: Steps) -> Steps:
    """Return the steps on to the name of what a link points to, where it has one."""
    last = steps[-1]
    if last.kind is not Kind.LINK or concrete(last.target) != [last.target]:
        return steps
    for name in ("name", "filename"):
        if name in last.target._attributes:
            return (*steps, last.target._attributes[name])
    return steps
