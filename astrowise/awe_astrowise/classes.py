"""`classcache` and `Context`: persistent classes by name, and the class of the context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from awe.context import context
from awe.db.declare.registry import declared
from awe.errors import nearest
from awe.model import classes
from awe_astrowise.names import NotInAwe

__all__ = ["Context", "classcache"]

Context = type(context)


class ClassCache(Mapping[str, Any]):
    """Every persistent class by its name."""

    def __getitem__(self, name: str) -> Any:
        classes.load()
        if name not in declared:
            msg = f"no persistent class {name!r}{nearest(name, list(declared))}"
            raise NotInAwe(msg)
        return declared[name]

    def __iter__(self) -> Iterator[str]:
        classes.load()
        return iter(declared)

    def __len__(self) -> int:
        classes.load()
        return len(declared)


classcache = ClassCache()
