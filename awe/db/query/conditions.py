"""The tree of a query's conditions: plain data, made by paths and read by the compiler.

Nothing here touches the database. Every condition is either true or false for an object, never
unknown: a missing value makes a comparison false, and its negation true.
"""

from __future__ import annotations

import datetime
import inspect
from typing import Any, ClassVar, Self, dataclass_transform

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


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Condition:
    """Something that is true or false for an object.

    Conditions are values: given by keyword, never changed, equal where their parts are equal. This
    class does what frozen dataclasses would; those write and compile code for each class, which
    for all conditions takes a twentieth of the start of the prompt.
    """

    _names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls._names = tuple(inspect.get_annotations(cls))

    def __init__(self, **parts: Any) -> None:
        of = type(self)
        given = {name: getattr(of, name) for name in of._names if hasattr(of, name)} | parts
        if given.keys() != set(of._names):
            msg = f"{of.__name__} takes {', '.join(of._names)}; it was given {', '.join(parts)}"
            raise TypeError(msg)
        vars(self).update((name, given[name]) for name in of._names)

    def __setattr__(self, name: str, value: Any) -> None:
        msg = f"{type(self).__name__} is not changed once it is made; {name!r} cannot be set"
        raise AttributeError(msg)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({parts})"


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


class Everything(Condition):
    """True for every object."""


class And(Condition):
    """All parts are true."""

    parts: tuple[Condition, ...]


class Or(Condition):
    """At least one part is true."""

    parts: tuple[Condition, ...]


class Not(Condition):
    """The part is false."""

    part: Condition


class Compare(Condition):
    """The value at the end of the steps is compared with a constant."""

    steps: Steps
    operator: str
    value: Any


class ComparePaths(Condition):
    """Two values of the same object are compared."""

    steps: Steps
    operator: str
    other: Steps


class IsNone(Condition):
    """There is no value at the end of the steps."""

    steps: Steps


class OneOf(Condition):
    """The value is one of several constants, none of them None."""

    steps: Steps
    values: tuple[Any, ...]


class Like(Condition):
    """The string matches a pattern with `*`, `?` and `[...]`."""

    steps: Steps
    pattern: str
    ignore_case: bool = False


class Holds(Condition):
    """The list of values contains a constant."""

    steps: Steps
    value: Any


class InRegion(Condition):
    """The position of the object that holds the last attribute is in a region of the sky."""

    steps: Steps
    region: Region


class Running(Condition):
    """What begins at the moment of the steps and takes a length [s] meets a span of time."""

    steps: Steps
    length: Persistent[Any]
    start: datetime.datetime
    end: datetime.datetime


class Within(Condition):
    """The linked object, or with no steps the object itself, is found by a query."""

    steps: Steps
    query: Selection


class Any_(Condition):  # noqa: N801 - `Any` is taken
    """At least one element of the list of links fulfils a condition of its own class."""

    steps: Steps
    condition: Condition


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
