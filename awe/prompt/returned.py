"""What a function or property gives back, by its annotation, without calling it."""

from __future__ import annotations

import ast
import builtins
import functools
import inspect
import re
import sys
from typing import Any, get_origin

from awe.prompt import values

__all__ = ["annotated", "returned"]

NAME = re.compile(r"(?P<name>\w+)(\[(?P<of>\w+)\])?")
LISTS = (list, tuple)


def annotated(function: Any) -> bool:
    """Return True if a function says what it gives back."""
    return isinstance(getattr(function, "__annotations__", {}).get("return"), str | type)


def returned(function: Any, owner: type | None = None) -> tuple[type | None, type | None]:
    """Return the type a function gives back, and that of the items where it is a list.

    Parameters
    ----------
    function : function
        Anything with annotations; those imported for type checkers only are known, too.
    owner : type, optional
        What `Self` stands for.
    """
    said = getattr(function, "__annotations__", {}).get("return")
    if isinstance(said, type):
        return said, None
    found = NAME.match(said) if isinstance(said, str) else None
    if found is None:
        return None, None
    kind = _named(found["name"], function, owner)
    items = _named(found["of"], function, owner) if kind in LISTS and found["of"] else None
    return kind, items


def _named(name: str, function: Any, owner: type | None) -> type | None:
    if name == "Self":
        return owner
    inside = getattr(inspect.unwrap(function), "__globals__", {})
    found = inside.get(name, getattr(builtins, name, None))
    if found is None and (place := _for_checkers(function.__module__).get(name)):
        found = getattr(values.module(place[0]), place[1], None)
    found = get_origin(found) or found
    return found if isinstance(found, type) and found is not type(None) else None


@functools.cache
def _for_checkers(module: str) -> dict[str, tuple[str, str]]:
    """Return the names a module imports, and where from, including those for type checkers."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, KeyError, SyntaxError):
        return {}
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for alias in node.names
    }
