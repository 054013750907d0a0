"""Any object by what is printed of it: the digits of its id or of its file's name, without class.

Tables shorten the hash at the end of a file's name to eight digits, and ids to their first ones;
both find the object again. Nothing is found that a query would not find.
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from awe.db.declare import registry
from awe.db.declare.entity import Entity
from awe.db.objects import owntables
from awe.db.query import loading
from awe.db.query.compiler import table
from awe.db.server.connection import database
from awe.errors import ArgumentError, NotFound

__all__ = ["SHORTEST", "fetch", "find", "find_below"]

#: Fewest digits that may stand for an object of any class.
SHORTEST = 6
DIGITS = re.compile(r"[0-9a-f]+")


def find(text: Any) -> Any:
    """Return the object with these digits in its id or file name, or of that file, of any class.

    Parameters
    ----------
    text : str or UUID
        The eight digits that tables print, `'7d6077b8'`, more or fewer of them (six at least), a
        whole id, or the name of a file.

    Raises
    ------
    NotFound
        There is no such object, or you may not see it.
    ArgumentError
        Several begin so, or it is not an object's number.
    """
    registry.complete()
    classes = [cls for cls in registry.registry.values() if _has_table(cls)]
    return _only(classes, str(text).strip(), "object")


def find_below(cls: type[Entity], text: Any) -> Any:
    """Return the object of a class, or of one below an abstract class, by id or digits.

    Parameters
    ----------
    cls : type
        The class.
    text : str or UUID
        As of `find`.
    """
    registry.complete()
    classes = [one for one in registry.concrete(cls) if _has_table(one)]
    return _only(classes, str(text).strip(), cls.__name__)


def fetch(cls: type[Entity], name: str, value: Any) -> Any:
    """Return the one object of a class with this file name, id, beginning of an id, or hash.

    Parameters
    ----------
    cls : type
        The class.
    name : str
        `object_id` or `filename`.
    value : str or UUID
        What it is.
    """
    try:
        return loading.fetch(cls, name, value)
    except NotFound:
        digits = str(value).strip().lower()
        hashed = DIGITS.fullmatch(digits) and SHORTEST <= len(digits) <= 40
        if name != "object_id" or not hashed or "filename" not in cls._attributes:
            raise
        if not (found := _hashed([cls], digits)):
            raise
        return _loaded(found, digits)


def _only(classes: list[type[Entity]], text: str, kind: str) -> Any:
    digits = text.lower().replace("-", "")
    if not DIGITS.fullmatch(digits):
        found = _ids(classes, "t.filename = %(text)s", {"text": text}, named=True)
    elif not SHORTEST <= len(digits) <= 40:
        msg = f"{text!r} has {len(digits)} digits; expected {SHORTEST} or more of an object's id"
        raise ArgumentError(msg)
    else:
        found = _by_digits(classes, digits)
    if not found:
        msg = (
            f"no {kind} {text!r} that you may see: neither an id nor the hash of a file's name "
            f"begins so, and no file has that name"
        )
        raise NotFound(msg)
    return _loaded(found, text)


def _loaded(found: list[tuple[type[Entity], uuid.UUID]], text: str) -> Any:
    if len(found) > 1:
        some = ", ".join(f"{cls.__name__} {number}" for cls, number in found[:4])
        msg = f"several objects are {text!r}: {some}; give more digits"
        raise ArgumentError(msg)
    cls, number = found[0]
    return loading.fetch(cls, "object_id", number)


def _by_digits(classes: list[type[Entity]], digits: str) -> list[tuple[type[Entity], uuid.UUID]]:
    found = []
    if len(digits) <= 32:
        # a beginning is a range of the primary key
        low, high = uuid.UUID(digits.ljust(32, "0")), uuid.UUID(digits.ljust(32, "f"))
        between = "t.object_id BETWEEN %(low)s AND %(high)s"
        found = _ids(classes, between, {"low": low, "high": high})
    return found or _hashed(classes, digits)


def _hashed(classes: list[type[Entity]], digits: str) -> list[tuple[type[Entity], uuid.UUID]]:
    """Return class and id of objects with these digits where the hash of a file's name begins."""
    condition = "strpos(t.filename, %(text)s) > 0"
    return _ids(classes, condition, {"text": f"-{digits}"}, named=True)


def _ids(
    classes: list[type[Entity]], condition: str, values: dict[str, Any], *, named: bool = False
) -> list[tuple[type[Entity], uuid.UUID]]:
    """Return class and id of the first visible objects of several classes, in one statement."""
    asked = [cls for cls in classes if not named or "filename" in cls._attributes]
    if not asked:
        return []
    parts = " UNION ALL ".join(
        f"(SELECT {place} AS place, t.object_id FROM {table(cls)} t WHERE {condition} LIMIT 5)"
        for place, cls in enumerate(asked)
    )
    return [(asked[place], number) for place, number in database.execute(parts, values)]


def _has_table(cls: type[Entity]) -> bool:
    """Return True if asking for objects of a class makes no table."""
    if not owntables.is_own(cls):
        return True
    known = database.memory.get(owntables.MEMORY)
    return known is not None and cls in known.tables
