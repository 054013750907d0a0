"""Queries kept by name: the class and the tree of conditions as JSON, never SQL or code.

What is loaded is built again from the declarations: every name is looked up, every value converted
as if it had been typed, so a tree from elsewhere can do nothing a query at the prompt cannot. It
finds what the reader may see at that moment.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from psycopg2.extras import Json

from awe import columns
from awe.db.declare import registry
from awe.db.declare.attributes import Kind, Mismatch, comparable
from awe.db.declare.entity import Entity
from awe.db.query.conditions import (
    And,
    Any_,
    Compare,
    CompareCount,
    ComparePaths,
    Condition,
    Everything,
    Holds,
    InRegion,
    IsNone,
    Like,
    Not,
    OneOf,
    Or,
    Steps,
    Within,
)
from awe.db.query.patterns import check
from awe.db.query.query import Query
from awe.db.query.sky import Box, Cone, Polygon
from awe.db.server import scope
from awe.db.server.connection import database
from awe.errors import ArgumentError, AweError, NotFound, QueryError, nearest

__all__ = ["SavedQueries", "SavedQuery", "forget", "load", "pack", "save", "saved", "unpack"]

HEADS = ("name", "class", "user", "saved", "for")
LONGEST_NAME = 100
#: Conditions inside conditions, at most; a tree from elsewhere may not exhaust the stack.
DEEPEST = 100
OPERATORS = ("==", "<", "<=", ">", ">=")


@dataclass(frozen=True, kw_only=True)
class SavedQuery:
    """One entry of the list of saved queries."""

    name: str
    user: str
    cls: str
    project: str
    shared: bool
    saved: datetime.datetime


class SavedQueries(list[SavedQuery]):
    """The saved queries one may load; prints itself."""

    def __repr__(self) -> str:
        if not self:
            return "no saved queries; query.save('name') keeps one"
        return columns.text(HEADS, self._rows())

    def _repr_html_(self) -> str:
        return columns.html(HEADS, self._rows()) if self else repr(self)

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (one.name, one.cls, one.user, f"{one.saved:%Y-%m-%d %H:%M}",
             f"shared in {one.project}" if one.shared else "")
            for one in self
        ]  # fmt: skip


def save(self: Query, name: str = "", *, share: bool = False) -> None:
    """Keep the query under a name; one of yours with this name is replaced.

    Parameters
    ----------
    name : str
        Name of the query, up to 100 characters.
    share : bool
        Whether the members of the current project can load it.

    Raises
    ------
    Refused
        Nothing can be shared in this project.
    """
    if name == "":
        msg = f"a query is kept under a name of 1 to {LONGEST_NAME} characters: query.save('name')"
        raise ArgumentError(msg)
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= LONGEST_NAME:
        msg = f"a query cannot be kept as {name!r}; expected 1 to {LONGEST_NAME} characters"
        raise ArgumentError(msg)
    content = Json(pack(self))
    values = (name.strip(), scope.current().project_id, share, self.cls.__name__, content)
    database.execute(
        "INSERT INTO awe.saved_query (name, project, shared, class, content) "
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (creator, name) DO UPDATE SET "
        "project = EXCLUDED.project, shared = EXCLUDED.shared, class = EXCLUDED.class, "
        "content = EXCLUDED.content, saved = now()",
        values,
    )


def load(name: str | Query, user: str | None = None) -> Query:
    """Return a saved query; your own goes before others' of the same name.

    Parameters
    ----------
    name : str
        Name of the query.
    user : str, optional
        Login of the user who saved it; one's own when left out.

    Raises
    ------
    NotFound
        There is none that you may load.
    QueryError
        It was saved for attributes there are no more.
    """
    if isinstance(name, Query):
        msg = f"a query is loaded by its class: Query.load({user or 'name'!r})"
        raise ArgumentError(msg)
    rows = database.execute(
        "SELECT q.content FROM awe.saved_query q JOIN awe.users u ON u.id = q.creator "
        "WHERE q.name = %(name)s AND (%(user)s::text IS NULL OR upper(u.role_name) = %(user)s) "
        "ORDER BY (q.creator = awe.uid()) DESC, q.saved DESC LIMIT 1",
        {"name": name, "user": None if user is None else user.upper()},
    )
    if not rows:
        raise NotFound(_absent(name, user))
    return unpack(rows[0][0])


def _absent(name: str, user: str | None) -> str:
    """Return why there is no such query to load: the person, or the name."""
    mine = saved()
    if user is None:
        return f"no saved query {name!r}{nearest(name, [one.name for one in mine])}"
    people = [row[0] for row in database.execute("SELECT upper(role_name::text) FROM awe.users")]
    if user.upper() not in people:
        return f"there is no person {user.upper()}{nearest(user, people)}"
    theirs = [one.name for one in mine if one.user == user.upper()]
    hint = nearest(name, theirs) or (f"; there is {', '.join(theirs)}" if theirs else "")
    return f"{user.upper()} has no saved query {name!r} that you may load{hint}"


def saved() -> SavedQueries:
    """Return the saved queries you may load: yours, and those shared in your projects."""
    rows = database.execute(
        "SELECT q.name, upper(u.role_name::text), q.class, p.name, q.shared, "
        "q.saved AT TIME ZONE 'UTC' FROM awe.saved_query q "
        "JOIN awe.users u ON u.id = q.creator JOIN awe.project p ON p.id = q.project "
        "ORDER BY q.name, 2"
    )
    names = ("name", "user", "cls", "project", "shared", "saved")
    return SavedQueries(SavedQuery(**dict(zip(names, row, strict=True))) for row in rows)


def forget(name: str | Query) -> None:
    """Forget a saved query of yours.

    Parameters
    ----------
    name : str
        Name of the query.

    Raises
    ------
    NotFound
        You have none of that name.
    """
    if not isinstance(name, str):
        msg = "a saved query is forgotten by its name: Query.forget('name')"
        raise ArgumentError(msg)
    with database.transaction():
        found = database.execute("SELECT awe.saved_query_drop(%s)", (name,))[0][0]
    if not found:
        mine = [one.name for one in saved() if one.user == database.user.upper()]
        msg = f"you have no saved query {name!r}{nearest(name, mine)}"
        raise NotFound(msg)


# -- queries as data -------------------------------------------------------------------------


def pack(query: Query) -> dict[str, Any]:
    """Return a query as data JSON can hold."""
    order = query._order
    return {
        "class": query.cls.__name__,
        "condition": _packed(query.condition),
        "order": None if order is None else [[_names(steps), down] for steps, down in order],
        "limit": query._limit,
        "narrowed": list(query._narrowed),
    }


def _packed(condition: Condition) -> dict[str, Any]:
    told: dict[str, Any] = {"is": type(condition).__name__}
    for name, value in vars(condition).items():
        if name in ("steps", "other"):
            told[name] = _names(value)
        elif name == "parts":
            told[name] = [_packed(part) for part in value]
        elif isinstance(value, Condition):
            told[name] = _packed(value)
        elif name == "query":
            told[name] = pack(value)
        elif name == "region":
            told[name] = {"is": type(value).__name__, **asdict(value)}
        else:
            told[name] = _plain(value)
    return told


def _names(steps: Steps) -> list[str]:
    return [step.name for step in steps]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return str(value) if isinstance(value, uuid.UUID) else value


# -- data as queries -------------------------------------------------------------------------


def unpack(told: Any) -> Query:
    """Return the query of what `pack` returned.

    Raises
    ------
    QueryError
        It is not such a thing, or speaks of classes or attributes there are not.
    """
    try:
        return _query(told, 0)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        ours = isinstance(error, AweError)
        text = str(error) if ours else f"{type(error).__name__}: {error}"
        msg = f"the saved query does not fit the classes here: {text}"
        raise QueryError(msg) from error


def _query(told: dict[str, Any], depth: int) -> Query:
    registry.complete()
    cls = registry.find(str(told["class"]))
    order = told["order"]
    limit = told["limit"]
    # True is an int to isinstance, and would become LIMIT true: the type itself is compared.
    if limit is not None and (type(limit) is not int or limit < 0):
        msg = f"limit {limit!r}"
        raise ValueError(msg)
    return Query(
        cls,
        _condition(cls, told["condition"], depth),
        order=None if order is None else tuple((_steps(cls, n), bool(d)) for n, d in order),
        limit=limit,
        narrowed=tuple(str(text) for text in told["narrowed"]),
    )


def _steps(cls: type[Entity], names: list[str]) -> Steps:
    steps = []
    for number, name in enumerate(names):
        attribute = cls._attribute(str(name))
        steps.append(attribute)
        if number < len(names) - 1:
            if not attribute.is_link:
                msg = f"{cls.__name__}.{name} is not a link"
                raise ValueError(msg)
            cls = attribute.target
    if not steps:
        msg = "a path without attributes"
        raise ValueError(msg)
    return tuple(steps)


def _condition(cls: type[Entity], told: dict[str, Any], depth: int) -> Condition:
    if depth > DEEPEST:
        msg = f"conditions nested more than {DEEPEST} deep"
        raise ValueError(msg)
    make = _MAKERS.get(told["is"])
    if make is None:
        msg = f"no condition {told['is']!r}"
        raise ValueError(msg)
    return make(cls, told, depth + 1)


def _value(steps: Steps, value: Any) -> Any:
    last = steps[-1]
    if last.is_link:
        return uuid.UUID(value)
    try:
        return comparable(last, value)
    except Mismatch as error:
        msg = f"{last.name}: {error}"
        raise ValueError(msg) from None


def _operator(told: dict[str, Any]) -> str:
    if told["operator"] not in OPERATORS:
        msg = f"no operator {told['operator']!r}"
        raise ValueError(msg)
    return str(told["operator"])


def _compare(cls: type[Entity], told: dict[str, Any], depth: int) -> Condition:
    steps = _steps(cls, told["steps"])
    return Compare(steps=steps, operator=_operator(told), value=_value(steps, told["value"]))


def _compare_paths(cls: type[Entity], told: dict[str, Any], depth: int) -> Condition:
    steps, other = _steps(cls, told["steps"]), _steps(cls, told["other"])
    return ComparePaths(steps=steps, operator=_operator(told), other=other)


def _one_of(cls: type[Entity], told: dict[str, Any], depth: int) -> Condition:
    steps = _steps(cls, told["steps"])
    return OneOf(steps=steps, values=tuple(_value(steps, value) for value in told["values"]))


def _like(cls: type[Entity], told: dict[str, Any], depth: int) -> Condition:
    steps = _steps(cls, told["steps"])
    pattern = _value(steps, told["pattern"])
    check(steps[-1].name, pattern)
    return Like(steps=steps, pattern=pattern, ignore_case=bool(told.get("ignore_case", False)))


def _holds(cls: type[Entity], told: dict[str, Any], depth: int) -> Condition:
    steps = _steps(cls, told["steps"])
    return Holds(steps=steps, value=_value(steps, told["value"]))


def _within(cls: type[Entity], told: dict[str, Any], depth: int) -> Condition:
    return Within(steps=_steps(cls, told["steps"]), query=_query(told["query"], depth))


def _any(cls: type[Entity], told: dict[str, Any], depth: int) -> Condition:
    steps = _steps(cls, told["steps"])
    if steps[-1].kind is not Kind.LINKS:
        msg = f"{steps[-1].name} is not a list of links"
        raise ValueError(msg)
    inner = _condition(steps[-1].target, told["condition"], depth)
    return Any_(steps=steps, condition=inner)


def _count(cls: type[Entity], told: dict[str, Any], depth: int) -> Condition:
    if type(told["value"]) is not int:
        msg = f"count {told['value']!r}"
        raise ValueError(msg)
    steps = _steps(cls, told["steps"])
    return CompareCount(steps=steps, operator=_operator(told), value=told["value"])


def _region(cls: type[Entity], told: dict[str, Any], depth: int) -> Condition:
    numbers = dict(told["region"])
    kind: Any = {"Cone": Cone, "Box": Box, "Polygon": Polygon}[numbers.pop("is")]
    if kind is Polygon:
        numbers = {"corners": tuple((ra, dec) for ra, dec in numbers["corners"])}
    return InRegion(steps=_steps(cls, told["steps"]), region=kind(**numbers))


def _parts(cls: type[Entity], told: dict[str, Any], depth: int) -> tuple[Condition, ...]:
    return tuple(_condition(cls, part, depth) for part in told["parts"])


_MAKERS: dict[str, Callable[[type[Entity], dict[str, Any], int], Condition]] = {
    "Everything": lambda cls, told, depth: Everything(),
    "And": lambda cls, told, depth: And(parts=_parts(cls, told, depth)),
    "Or": lambda cls, told, depth: Or(parts=_parts(cls, told, depth)),
    "Not": lambda cls, told, depth: Not(part=_condition(cls, told["part"], depth)),
    "IsNone": lambda cls, told, depth: IsNone(steps=_steps(cls, told["steps"])),
    "Compare": _compare,
    "ComparePaths": _compare_paths,
    "OneOf": _one_of,
    "Like": _like,
    "Holds": _holds,
    "Within": _within,
    "Any_": _any,
    "CompareCount": _count,
    "InRegion": _region,
}
