"""The list of persistent classes: the one place where a class is found by its name.

Classes enter by being defined (see `awe.db.objects.base`). Nothing here touches the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.errors import ArgumentError, nearest

if TYPE_CHECKING:
    from awe.db.objects.base import DBObject

__all__ = ["concrete", "declared", "enter", "find", "registry", "same"]

#: Concrete persistent classes by name: those with a table of their own.
registry: dict[str, type[DBObject]] = {}

#: All persistent classes by name, abstract ones included.
declared: dict[str, type[DBObject]] = {}

#: Modules whose classes may be defined again: the prompt and notebooks.
INTERACTIVE = ("__main__", "builtins")


def enter(cls: type[DBObject], *, abstract: bool) -> None:
    """Add a class; a class of the prompt, or of the same module, may replace itself.

    What `class_of` made of somebody's declaration gives way to a declaration as well.
    """
    name = cls.__name__
    old = declared.get(name)
    if old is not None and old.__module__ != cls.__module__ and not _gives_way(old):
        msg = (
            f"class {name} of {cls.__module__} has the name of a class of {old.__module__}; "
            f"choose another name"
        )
        raise ArgumentError(msg)
    declared[name] = cls
    registry.pop(name, None)
    if not abstract:
        registry[name] = cls


def _gives_way(old: type[DBObject]) -> bool:
    return old.__module__ in INTERACTIVE or "__creator__" in vars(old)


def find(name: str) -> type[DBObject]:
    """Return the class of that name, abstract or not."""
    try:
        return declared[name]
    except KeyError:
        msg = f"no persistent class {name!r}{nearest(name, list(declared))}"
        raise ArgumentError(msg) from None


def same(cls: type, other: type) -> bool:
    """Return True if two classes define one and the same, before and after a reload."""
    return cls is other or (cls.__module__, cls.__qualname__) == (
        other.__module__,
        other.__qualname__,
    )


def concrete(cls: type[DBObject]) -> list[type[DBObject]]:
    """Return the classes whose objects a link to `cls` may hold.

    A concrete class stands for itself, an abstract one for all concrete classes below it.
    """
    if registry.get(cls.__name__) is cls:
        return [cls]
    return [candidate for candidate in registry.values() if issubclass(candidate, cls)]
