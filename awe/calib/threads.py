"""One frame on all processors of a machine: the same work on bands of rows, side by side.

Compiled kernels and numpy leave the interpreter's lock, so threads are enough. A band gives the
same pixels alone and beside others. Threads end with the call: a process may be forked between.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

__all__ = ["bands", "side_by_side"]

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Result = TypeVar("Result")

#: more threads than that only wait for memory
_MOST = 4

#: bands are at least so many rows high: smaller ones do not pay for a thread
_LEAST = 256


def side_by_side(work: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return what calls return that run at the same time, in their order."""
    threads = min(_processors(), len(work))
    if threads < 2:
        return [one() for one in work]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda one: one(), work))


def bands(
    function: Callable[[slice], Result], rows: int, *, least: int = _LEAST
) -> list[Result]:
    """Return what a function of some rows returns for each band of a frame, from row 0 on."""
    number = max(1, min(_processors(), rows // least))
    edges = [rows * k // number for k in range(number + 1)]
    return side_by_side([partial(function, slice(*ends)) for ends in pairwise(edges)])


def _processors() -> int:
    """Return how many processors this process may use, of those that are worth it."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:
        usable = os.cpu_count() or 1
    return min(usable, _MOST)
