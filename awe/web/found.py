"""Classes and objects by the names in an address: what is absent or hidden looks the same."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException

from awe.db.declare import registry
from awe.db.objects import classes_of
from awe.db.query import loading
from awe.db.server import scope
from awe.errors import QueryError
from awe.model import classes

__all__ = ["class_named", "class_names", "object_named", "own_class_names"]

_CLASS = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def class_names() -> list[str]:
    """Return the names of the persistent classes that have objects, in alphabetical order."""
    classes.load()
    return sorted(registry.registry)


def own_class_names() -> list[str]:
    """Return the names of the classes that the visitor has declared, in alphabetical order."""
    me = scope.current()
    return classes_of(me.user_name).get(me.user_name, []) if me.user_id else []


def class_named(name: str) -> Any:
    """Return a persistent class.

    Raises
    ------
    HTTPException
        404: there is no such class.
    QueryError
        It is one that the visitor has declared.
    """
    classes.load()
    cls = registry.registry.get(name) if _CLASS.fullmatch(name) else None
    if cls is None and name in own_class_names():
        msg = (
            f"{name} is a class of your own, and these pages show those of awe: at the prompt, "
            f"type from awe.db.objects import class_of; class_of({name!r}).select_all()"
        )
        raise QueryError(msg)
    if cls is None:
        raise HTTPException(404)
    return cls


def object_named(class_name: str, object_id: str) -> Any:
    """Return an object that the visitor may see.

    Raises
    ------
    HTTPException
        404: there is none, or it is hidden.
    """
    cls = class_named(class_name)
    if not _UUID.fullmatch(object_id):
        raise HTTPException(404)
    found = loading.read(cls, [UUID(object_id)])
    if not found:
        raise HTTPException(404)
    return found[UUID(object_id)]
