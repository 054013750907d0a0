"""Classes that users declared, made again from the data their declaration is kept as.

`class_of` gives the class: one's own in a new session, or that of others, to query the objects
they show you; how tables of own classes are made
is told in `awe.db.objects.owntables`.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from awe.db.declare import registry
from awe.db.declare.attributes import Kind, Persistent, persistent
from awe.db.objects.base import DBObject
from awe.db.objects.owntables import classes_of, entry
from awe.db.server.connection import database
from awe.errors import ArgumentError
from awe.terminal import harmless

__all__ = ["class_of", "classes_of"]

TYPES = {
    kind.__name__: kind for kind in (str, int, float, bool, datetime.datetime, uuid.UUID, dict)
}


def class_of(name: str, user: str | None = None) -> type[DBObject]:
    """Return a class that was declared: your own again, or that of another user.

    Parameters
    ----------
    name : str
        Name of the class.
    user : str, optional
        Login of the user who declared it; by default you.

    Raises
    ------
    NotFound
        There is no such class.
    """
    user = user or database.user
    _, told = entry(name, user)
    module = f"users.{user.lower()}"
    known = registry.declared.get(name)
    if known is not None and known.__module__ != module:
        msg = f"there is a class {name} of {known.__module__} here; choose another for your own"
        raise ArgumentError(msg)
    body: dict[str, Any] = {
        attribute["name"]: _declared(attribute) for attribute in told["attributes"]
    }
    # read by help() and Tab: somebody else's words
    body |= {"__doc__": harmless(str(told["doc"])), "__module__": module}
    body["__creator__"] = user.upper()
    made: type[DBObject] = type(DBObject).__call__(type(DBObject), name, (DBObject,), body)
    return made


def _declared(told: dict[str, Any]) -> Persistent[Any]:
    doc = harmless(str(told["doc"]))
    if told["kind"] in ("link", "links"):
        default: Any = [] if told["kind"] == "links" else None
        made: Persistent[Any] = persistent(doc, told["class"], default)
        return made
    default = told["default"]
    if told["kind"] == Kind.ARRAY.name.lower():
        default = list(default or [])
    value: Persistent[Any] = Persistent(doc, TYPES[told["type"]], default)
    return value
