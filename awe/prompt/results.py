"""What the prompt keeps of results: `_`, `__`, `Out[3]` and `_3`, but no frames.

A result stays as `_` until the next one, whatever it is. Beyond that it is kept only if it holds
no more memory than `c.Awe.largest_result`: persistent objects, numbers and tables of a page are,
pixels are not. What was too large is there as long as somebody else holds it.
"""

from __future__ import annotations

import re
import sys
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from awe.db.objects.base import DBObject
from awe.db.query.query import Query
from awe.errors import NotFound

__all__ = ["Out", "size"]

#: Things looked at before a result is called too branched to keep.
MOST_PARTS = 20_000
#: What holds nothing of its own: a persistent object reads its pixels anew each time.
LIGHT = (type, ModuleType, FunctionType, BuiltinFunctionType, DBObject, Query)
NUMBERED = re.compile(r"_(\d+)\Z")


def size(thing: object, limit: int) -> int:
    """Return how much memory a thing holds [bytes], at least; counting ends above the limit.

    Parameters
    ----------
    thing : object
        A result. Arrays count with the whole of what they are a view of.
    limit : int
        More than this need not be told apart.
    """
    seen: set[int] = set()
    parts = deque([thing])
    total = 0
    while parts and total <= limit:
        each = parts.popleft()
        if id(each) in seen or isinstance(each, LIGHT):
            continue
        if len(seen) == MOST_PARTS:
            return limit + 1
        seen.add(id(each))
        if (pixels := _pixels(each)) is not None:
            total += pixels
        else:
            total += sys.getsizeof(each, 0)
            parts.extend(_parts(each))
    return total


def _pixels(thing: Any) -> int | None:
    """Return the bytes of an array, of the one it is a view of if that is larger."""
    with suppress(Exception):  # whatever somebody's class thinks of being asked
        if isinstance(thing.nbytes, int):
            base = getattr(thing, "base", None)
            return max(thing.nbytes, int(getattr(base, "nbytes", 0)))
    return None


def _parts(thing: object) -> list[object]:
    if isinstance(thing, dict):
        return [*thing.values()]
    if isinstance(thing, list | tuple | set | frozenset):
        return [*thing]
    attributes = getattr(thing, "__dict__", None)
    return [*attributes.values()] if isinstance(attributes, dict) else []


class Out(dict[int, Any]):
    """Results by number; those that were too large are found while somebody else holds them."""

    def __init__(self) -> None:
        super().__init__()
        self._large: dict[int, tuple[str, Callable[[], Any]]] = {}

    def leave_out(self, number: int, result: Any) -> None:
        """Note a result that is not kept."""
        self.pop(number, None)
        self._large[number] = (_described(result), _reference(result))

    def clear(self) -> None:
        """Forget all results."""
        super().clear()
        self._large.clear()

    def missed(self, name: str) -> str:
        """Return why there is no `_3`, as the end of a message; empty where nothing is known."""
        found = NUMBERED.match(name)
        if found is None or int(found[1]) not in self._large:
            return ""
        return f"; {self._reason(int(found[1]))}"

    def __missing__(self, number: Any) -> Any:
        if number not in self._large:
            raise KeyError(number)
        _, reference = self._large[number]
        result = reference()
        if result is None:
            msg = f"Out[{number}] is not kept: {self._reason(number)}"
            raise NotFound(msg)
        return result

    def _reason(self, number: int) -> str:
        what, _ = self._large[number]
        return f"{what} takes too much memory; give such a result a name when you make it"


def _described(result: Any) -> str:
    shape = getattr(result, "shape", None)
    of = f" of shape {shape}" if isinstance(shape, tuple) else ""
    return f"{type(result).__name__}{of}"


def _reference(result: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(result)
    except TypeError:
        return lambda: None
