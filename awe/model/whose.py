"""Whose an object is, by name: `raw.creator`, `raw.project`, and the same words in a query.

These are not persistent attributes: the row keeps numbers, and a class of one's own may have
attributes of these names, which then mean what it says.
"""

from __future__ import annotations

from typing import Any, NoReturn

from awe.db.declare.entity import Entity
from awe.db.query.query import Query, id_of
from awe.db.server.connection import database
from awe.errors import NotFound, QueryError

__all__ = ["Belonging", "of_class", "of_object"]

#: name -> attribute with the number, table, its column with the name
KINDS = {
    "creator": ("_creator", "users", "role_name"),
    "project": ("_project", "project", "name"),
}
MEMORY = "names of people and projects"


def of_object(item: Any, name: str) -> Any:
    """Return the login of who made an object, the name of its project, or its level.

    Parameters
    ----------
    item : DBObject
        The object.
    name : str
        `creator`, `project` or `privileges`.

    Raises
    ------
    NotFound
        It is not committed yet.
    """
    if not item._committed:
        msg = f"{item!r} has no {name} before it is committed; the context says what it will be"
        raise NotFound(msg)
    if name == "privileges":
        return item._privileges
    attribute, table, column = KINDS[name]
    number = item._values[attribute]
    known: dict[tuple[str, int], str] = database.memory.setdefault(MEMORY, {})
    if (name, number) not in known:
        rows = database.execute(f"SELECT id, {column}::text FROM awe.{table}")
        known.update({(name, one): text for one, text in rows})
    text = known.get((name, number), f"{name} {number}")
    return text.upper() if name == "creator" else text


class Belonging:
    """`RawScienceFrame.creator` and `.project` in a query: compared with a name.

    Parameters
    ----------
    cls : type
        Class the query is about.
    name : str
        `creator` or `project`.
    """

    def __init__(self, cls: type[Entity], name: str) -> None:
        self._cls = cls
        self._name = name

    def _number(self, value: Any) -> int:
        text = getattr(value, "name", value)
        if not isinstance(text, str):
            msg = f"{self!r} is compared with a name, not with {value!r:.60}"
            raise QueryError(msg)
        _, table, column = KINDS[self._name]
        return id_of(table, column, text.lower() if self._name == "creator" else text)

    def __eq__(self, value: object) -> Query:  # type: ignore[override]
        found: Query = self._path() == self._number(value)
        return found

    def __ne__(self, value: object) -> Query:  # type: ignore[override]
        return ~(self == value)

    def isin(self, values: Any) -> Query:
        """Return the query for objects of one of several people or projects."""
        found: Query = self._path().isin([self._number(value) for value in values])
        return found

    def _path(self) -> Any:
        return self._cls._path(self._cls._attribute(KINDS[self._name][0]))

    def _refuse(self, *given: Any) -> NoReturn:
        msg = f"{self!r} is compared with a name by ==, != or .isin([...])"
        raise QueryError(msg)

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _refuse
    __hash__ = object.__hash__

    def __getattr__(self, name: str) -> Any:
        if name == "name":
            return self
        if name.startswith("_"):
            raise AttributeError(name)
        return self._refuse()

    def __repr__(self) -> str:
        return f"{self._cls.__name__}.{self._name}"


def of_class(cls: type[Entity], name: str) -> Belonging:
    """Return what `Class.creator` or `Class.project` is in a query."""
    return Belonging(cls, name)
