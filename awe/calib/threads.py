"""One frame on all processors of a machine: the same work on bands of rows, side by side.

Compiled kernels and numpy leave the interpreter's lock, so threads are enough. A band gives the
same pixels alone and among others. Threads end with the call: a process may be forked between.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

__all__ = ["bands", "narrow", "processors", "sharing", "side_by_side"]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Result = TypeVar("Result")

#: more threads than that only wait for memory
_MOST = 4

#: least height of a band [rows]: smaller ones are not worth a thread
_LEAST = 256

#: the share of the machine of one job among several
_share: int | None = None

#: threads that are at work on frames of their own, see `sharing`
_at_work = 0
_counting = threading.Lock()


def side_by_side(work: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return what calls return that run at the same time, in their order.

    Where calls fail, the error of one of them is raised when all that were begun have ended; the
    others are not begun.

    Parameters
    ----------
    work : sequence of callable
        Calls without arguments.
    """
    threads = min(processors(), len(work))
    if threads < 2:
        return [one() for one in work]
    pool = ThreadPoolExecutor(threads)
    try:
        calls = [pool.submit(one) for one in work]
        ended = wait(calls, return_when=FIRST_EXCEPTION).done
        return [call.result() for call in (calls if len(ended) == len(calls) else ended)]
    finally:
        pool.shutdown(cancel_futures=True)


def bands(
    function: Callable[[slice], Result], rows: int, *, least: int = _LEAST,
    parts: int | None = None,
) -> list[Result]:
    """Return what a function of some rows returns for each band of a frame, from row 0 on.

    Parameters
    ----------
    function : callable
        Function of a slice of rows.
    rows : int
        Number of rows of the frame.
    least : int
        Smallest number of rows worth a thread of its own.
    parts : int, optional
        Number of bands where the result depends on it in its last digits, as sums do; else it is
        that of the processors.
    """
    number = max(1, min(parts or processors(), rows // least))
    edges = [rows * k // number for k in range(number + 1)]
    return side_by_side([partial(function, slice(*ends)) for ends in pairwise(edges)])


def narrow(number: int | None) -> None:
    """Limit the number of processors this process uses; None allows all it may use.

    Parameters
    ----------
    number : int or None
        Number of processors; None for all this process may use.
    """
    global _share
    _share = number


@contextmanager
def sharing() -> Iterator[None]:
    """Count this thread among those that have the processors to themselves in equal parts.

    Where each processor has a frame of its own, a second thread on it only waits for memory: the
    same work takes more time of the processors, and more memory.
    """
    global _at_work
    with _counting:
        _at_work += 1
    try:
        yield
    finally:
        with _counting:
            _at_work -= 1


def processors(most: int = _MOST) -> int:
    """Return how many processors this process may use, or this thread of several, `most` at most.

    Parameters
    ----------
    most : int
        Maximum of the number returned.
    """
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:
        usable = os.cpu_count() or 1
    return max(1, min(usable, most, _share or usable) // max(1, _at_work))
