"""Tables of the classes that users declare themselves, at the prompt or in a module of their own.

The first use of such a class makes its table, by a function of the database that takes a
description and no SQL; the table has the rights of all others. A class belongs to its creator:
two users' classes of one name have two tables. A later declaration may add attributes, never
remove or change them. Classes with `__installed__ = True` are not own: an administrator made
their tables under the class's own name.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable
from typing import Any

from psycopg2.extras import Json

from awe.db.declare import registry
from awe.db.declare.attributes import Persistent
from awe.db.declare.entity import Entity
from awe.db.query.compiler import table_name
from awe.db.server.connection import database
from awe.errors import ArgumentError, NotFound, Refused, nearest

__all__ = ["classes_of", "define", "description", "entry", "is_own", "table_of"]

#: Where the package keeps classes; the user's own recipes are in a package below it.
OURS = "awe."
USERS = "awe.recipes.user."

SYSTEM = ("object_id", "creation_date", "_creator", "_project", "_privileges")
MEMORY = "own classes"


def is_own(cls: type[Entity]) -> bool:
    """Return True if a class was declared outside the package and has no installed table."""
    module = cls.__module__ + "."
    outside = not module.startswith(OURS) or module.startswith(USERS)
    return outside and not getattr(cls, "__installed__", False)


class _Known:
    """What this connection knows of own classes: their tables, and which are being made."""

    def __init__(self) -> None:
        self.tables: dict[type[Entity], str] = {}
        self.making: set[type[Entity]] = set()
        self.unfinished: set[type[Entity]] = set()


def table_of(cls: type[Entity]) -> str:
    """Return the table of a class declared by a user, making it on first use."""
    known: _Known = database.memory.setdefault(MEMORY, _Known())
    if cls in known.tables:
        return known.tables[cls]
    known.making.add(cls)
    try:
        known.tables[cls] = define(cls, known)
    finally:
        known.making.discard(cls)
    # A transaction that is undone takes the new table with it, and the name must not be kept.
    database.on_rollback(known.tables.clear)
    # Two classes that link to each other cannot both be made first: the link that closes the
    # circle is left out, and added when the outermost table is there.
    while known.unfinished and not known.making:
        define(known.unfinished.pop(), known)
    return known.tables[cls]


def define(cls: type[Entity], known: _Known) -> str:
    """Make the table of a class, or bring it up to the declaration, and return its name.

    Raises
    ------
    Refused
        The declaration removes or changes an attribute, or a name cannot be stored.
    NotFound
        The class is said to be somebody's who has not declared it.
    """
    _refuse_shadow(cls)
    owner = getattr(cls, "__creator__", "")
    if owner and owner.upper() != database.user.upper():
        return entry(cls.__name__, owner)[0]
    later = [a.name for a in cls._attributes.values() if _is_circular(cls, a, known)]
    if later:
        known.unfinished.add(cls)
    told = description(cls, without=later)
    rows = database.execute(
        "SELECT relation, description FROM awe.user_class WHERE creator = awe.uid() AND name = %s",
        (cls.__name__,),
    )
    if rows and (rows[0][1] == told or later):
        return str(rows[0][0])
    with database.transaction():
        made = database.execute("SELECT awe.define_class(%s)", (Json(told),))
    return str(made[0][0])


def _is_circular(cls: type[Entity], attribute: Persistent[Any], known: _Known) -> bool:
    """Return True if a link leads to a class whose table waits for this one."""
    if not attribute.is_link:
        return False
    target = attribute.target
    return target is not cls and target in known.making


def description(cls: type[Entity], without: Iterable[str] = ()) -> dict[str, Any]:
    """Return the declaration of a class as data, but for some attributes."""
    left_out = {*SYSTEM, *without}
    return {
        "name": cls.__name__,
        "doc": (cls.__doc__ or "").strip(),
        "attributes": [
            _described(cls, attribute)
            for attribute in cls._attributes.values()
            if attribute.name not in left_out
        ],
        "indexes": _columns(cls, cls.__indexes__),
        "unique": _columns(cls, cls.__unique__),
    }


def classes_of(user: str | None = None) -> dict[str, list[str]]:
    """Return the names of the classes users have declared, by user.

    Parameters
    ----------
    user : str, optional
        Login of the user whose classes are listed; everybody's when left out.
    """
    rows = database.execute(
        "SELECT upper(u.role_name::text), c.name FROM awe.user_class c "
        "JOIN awe.users u ON u.id = c.creator ORDER BY 1, 2"
    )
    found: dict[str, list[str]] = {}
    for owner, name in rows:
        if user is None or owner == user.upper():
            found.setdefault(owner, []).append(name)
    return found


def entry(name: str, user: str) -> tuple[str, dict[str, Any]]:
    """Return the table of somebody's class and its declaration as data.

    Raises
    ------
    NotFound
        There is no such class.
    """
    rows = database.execute(
        "SELECT c.relation, c.description FROM awe.user_class c "
        "JOIN awe.users u ON u.id = c.creator WHERE c.name = %s AND u.role_name = %s",
        (name, user.lower()),
    )
    if not rows:
        known = classes_of(user).get(user.upper(), [])
        msg = f"{user.upper()} has no class {name!r}{nearest(name, known)}"
        raise NotFound(msg)
    return str(rows[0][0]), rows[0][1]


def _refuse_shadow(cls: type[Entity]) -> None:
    registry.complete()
    registered = registry.declared.get(cls.__name__)
    if registered is cls:
        return
    if registered is not None and not is_own(registered):
        msg = f"{cls.__name__} is a class of awe: choose another name for your own"
        raise Refused(msg)
    msg = f"class {cls.__name__} was declared again since; use the new class"
    raise Refused(msg)


def _described(cls: type[Entity], attribute: Persistent[Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": attribute.name,
        "column": attribute.column,
        "kind": attribute.kind.name.lower(),
        "doc": (attribute.__doc__ or "").strip(),
    }
    if attribute.is_link:
        told["class"] = attribute.target.__name__
        told["targets"] = _targets(cls, attribute)
        return told
    declared = attribute.declared_type
    told["type"] = declared if isinstance(declared, str) else declared.__name__
    told["default"] = _plain(attribute.default)
    return told


def _targets(cls: type[Entity], attribute: Persistent[Any]) -> list[str]:
    targets = registry.concrete(attribute.target)
    if not targets:
        msg = (
            f"{cls.__name__}.{attribute.name} links to {attribute.target.__name__}, "
            f"which has no class with objects yet; declare one first"
        )
        raise ArgumentError(msg)
    if len(targets) > 1:
        return sorted(target.__name__ for target in targets)
    if targets == [cls]:
        rows = database.execute("SELECT awe.uid()")
        return [f"u{rows[0][0]}_{cls.__name__.lower()}"]
    return [table_name(targets[0])]


def _columns(cls: type[Entity], entries: Any) -> list[list[str]]:
    return [
        [cls._attribute(name).column for name in ([entry] if isinstance(entry, str) else entry)]
        for entry in entries
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, uuid.UUID) else value
