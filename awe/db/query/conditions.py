"""The tree of a query's conditions: plain data, made by paths and read by the compiler.

Nothing here touches the database. Every condition is either true or false for an object, never
unknown: a missing value makes a comparison false, and its negation true.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Self

from awe.db.declare.attributes import Persistent
from awe.db.declare.entity import Entity
from awe.db.query.sky import Region

__all__ = [
    "And",
    "Any_",
    "Compare",
    "CompareCount",
    "ComparePaths",
    "Condition",
    "Everything",
    "Holds",
    "InRegion",
    "IsNone",
    "Like",
    "Not",
    "OneOf",
    "Or",
    "Running",
    "Selection",
    "Steps",
    "Within",
    "both",
]

Steps = tuple[Persistent[Any], ...]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Something that is true or false for an object."""


class Selection:
    """The objects of one class that fulfil a condition, as paths and conditions know them.

    The one kind there is, `awe.db.query.query.Query`, is above both. A class makes it of a
    condition, by `_where`.
    """

    cls: type[Entity]
    condition: Condition

    def __and__(self, other: Any) -> Self:
        raise NotImplementedError

    def __invert__(self) -> Self:
        raise NotImplementedError

    def _set(self) -> Condition:
        """Return the condition of being among the objects."""
        raise NotImplementedError

    def _fixed(self) -> Self:
        """Return the selection as it is now: it may be narrowed in place later."""
        raise NotImplementedError

    def _ids(self, compiler: Any) -> str:
        """Return the statement for the ids of the objects, as a part of another one."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Everything(Condition):
    """True for every object."""


@dataclass(frozen=True, kw_only=True)
class And(Condition):
    """All parts are true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, kw_only=True)
class Or(Condition):
    """At least one part is true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, kw_only=True)
class Not(Condition):
    """The part is false."""

    part: Condition


@dataclass(frozen=True, kw_only=True)
class Compare(Condition):
    """The value at the end of the steps is compared with a constant."""

    steps: Steps
    operator: str
    value: Any


@dataclass(frozen=True, kw_only=True)
class ComparePaths(Condition):
    """Two values of the same object are compared."""

    steps: Steps
    operator: str
    other: Steps


@dataclass(frozen=True, kw_only=True)
class IsNone(Condition):
    """There is no value at the end of the steps."""

    steps: Steps


@dataclass(frozen=True, kw_only=True)
class OneOf(Condition):
    """The value is one of several constants, none of them None."""

    steps: Steps
    values: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Like(Condition):
    """The string matches a pattern with `*`, `?` and `[...]`."""

    steps: Steps
    pattern: str
    ignore_case: bool = False


@dataclass(frozen=True, kw_only=True)
class Holds(Condition):
    """The list of values contains a constant."""

    steps: Steps
    value: Any


@dataclass(frozen=True, kw_only=True)
class InRegion(Condition):
    """The position of the object that holds the last attribute is in a region of the sky."""

    steps: Steps
    region: Region


@dataclass(frozen=True, kw_only=True)
class Running(Condition):
    """What begins at the moment of the steps and takes a length [s] meets a span of time."""

    steps: Steps
    length: Persistent[Any]
    start: datetime.datetime
    end: datetime.datetime


@dataclass(frozen=True, kw_only=True)
class Within(Condition):
    """The linked object, or with no steps the object itself, is found by a query."""

    steps: Steps
    query: Selection


@dataclass(frozen=True, kw_only=True)
class Any_(Condition):  # noqa: N801 - `Any` is taken
    """At least one element of the list of links fulfils a condition of its own class."""

    steps: Steps
    condition: Condition


@dataclass(frozen=True, kw_only=True)
class CompareCount(Condition):
    """The number of elements of a list is compared with a constant."""

    steps: Steps
    operator: str
    value: int


def both(first: Condition, second: Condition) -> Condition:
    """Return the conjunction, flat and without needless parts."""
    parts: list[Condition] = []
    for condition in (first, second):
        if isinstance(condition, And):
            parts.extend(condition.parts)
        elif not isinstance(condition, Everything):
            parts.append(condition)
    if not parts:
        return Everything()
    return parts[0] if len(parts) == 1 else And(parts=tuple(parts))
