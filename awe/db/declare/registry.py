"""The list of persistent classes: the one place where a class is found by its name.

Classes enter by being defined (see `awe.db.objects.base`). Nothing here touches the database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from awe.db.declare.entity import Entity
from awe.errors import ArgumentError, Defect, nearest

__all__ = ["complete", "completed_by", "concrete", "declared", "enter", "find", "registry", "same"]

E = TypeVar("E", bound=Entity)

#: Concrete persistent classes by name: those with a table of their own.
registry: dict[str, type[Entity]] = {}

#: All persistent classes by name, abstract ones included.
declared: dict[str, type[Entity]] = {}

#: Modules whose classes may be defined again: the prompt and notebooks.
INTERACTIVE = ("__main__", "builtins")

#: What loads the modules that declare awe's own classes.
_loaders: list[Callable[[], None]] = []


def completed_by(load: Callable[[], None]) -> None:
    """Let `load` bring all of awe's own classes; `awe.model.classes` says so when it is imported.

    The database layer knows no class of the model: it asks for all of them here.
    """
    _loaders[:] = [load]


def complete() -> None:
    """Load all of awe's own classes, so that every one is found by its name.

    Raises
    ------
    Defect
        Nobody has said where they are.
    """
    if not _loaders:
        msg = "no persistent classes are known yet; import awe.model.classes before the database"
        raise Defect(msg)
    _loaders[0]()


def enter(cls: type[Entity], *, abstract: bool) -> None:
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


def _gives_way(old: type[Entity]) -> bool:
    return old.__module__ in INTERACTIVE or "__creator__" in vars(old)


def find(name: str) -> type[Entity]:
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


def concrete(cls: type[E]) -> list[type[E]]:
    """Return the classes whose objects a link to `cls` may hold.

    A concrete class stands for itself, an abstract one for all concrete classes below it.
    """
    if registry.get(cls.__name__) is cls:
        return [cls]
    return [one for one in registry.values() if issubclass(one, cls)]
