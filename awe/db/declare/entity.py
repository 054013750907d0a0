"""What declarations, the query language and the writing of rows need of a class and its objects.

`awe.db.objects.base.DBObject` is what has it, and is above them; they know it by this alone.
A class is an `Entity` by having these members, not by a base class.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, TypeGuard
from uuid import UUID

__all__ = ["Entity", "is_entity", "is_object"]


class Entity(Protocol):
    """A persistent class and its objects, seen from below."""

    #: Declared attributes by name (`awe.db.declare.attributes.Persistent`), inherited ones first.
    _attributes: ClassVar[dict[str, Any]]
    #: Names of attributes, or chains such as `"chip.name"`, by which objects are sorted.
    __order__: ClassVar[Any]
    #: Names of attributes, or tuples of names, with an index, and those that occur once.
    __indexes__: ClassVar[Any]
    __unique__: ClassVar[Any]
    __reference__: ClassVar[bool]
    __sky__: ClassVar[tuple[str, ...]]

    def __init__(self, **attributes: Any) -> None: ...

    @property
    def object_id(self) -> UUID:
        """Identification of the object, made before it is committed."""

    @property
    def _committed(self) -> bool: ...

    @property
    def _creator(self) -> int: ...

    @property
    def _privileges(self) -> int: ...

    def _ready(self) -> None:
        """Refuse a commit that cannot succeed."""

    def _entered(self) -> None:
        """Write what belongs to the new row, in its transaction."""

    @classmethod
    def _attribute(cls, name: str) -> Any:
        """Return the declaration of an attribute, or say which one was meant."""

    @classmethod
    def _path(cls, attribute: Any) -> Any:
        """Return what `Class.attribute` is in a query."""

    @classmethod
    def _where(cls, condition: Any) -> Any:
        """Return the query for the objects that fulfil a condition."""

    @classmethod
    def _table_name(cls) -> str:
        """Return the name of the table; that of a user's own class is made on first use."""

    @classmethod
    def _restore(cls, values: dict[str, Any], batch: Any) -> Any:
        """Return the object of one row of the database."""

    @classmethod
    def get_persistent_properties(cls) -> list[str]:
        """Return the names of all attributes one can query for, in alphabetical order."""

    @classmethod
    def select_all(cls) -> Any:
        """Return the query without a condition."""


def is_entity(thing: Any) -> TypeGuard[type[Entity]]:
    """Return True for a persistent class."""
    return isinstance(thing, type) and hasattr(thing, "get_persistent_properties")


def is_object(thing: Any) -> TypeGuard[Entity]:
    """Return True for an object of a persistent class."""
    return is_entity(type(thing))
