"""Memory of whole frames is kept for the next frame instead of going back to the system.

The kernel clears every page it hands out, and looks for large free pieces first: on a busy
machine that takes longer than the arithmetic on them. Threads share what is kept: memory of
their own would be cleared again for each. Does nothing where the C library is not glibc. Lists
that are long enough for the worst case, and nearly always nearly empty, are not such memory: they
come from the system page by page as they are filled, and go back at once.
"""

from __future__ import annotations

import ctypes
import mmap
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["keep_pages", "room"]

#: parameters of glibc's mallopt (malloc.h), and a value [byte] above any frame
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGE = 1 << 30


@cache
def keep_pages() -> None:
    """Let this process keep what it has freed, once and for all."""
    # no C library by that way, or one without mallopt: not glibc
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _LARGE)
        mallopt(_ARENA_MAX, 1)


def room(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return a list of numbers, of which only those pages take memory that are written.

    Parameters
    ----------
    size : int
        Number of elements, all of them 0.
    dtype : dtype
        Their type.
    """
    kind = np.dtype(dtype)
    # private: pages of shared memory cost twice as much
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    return np.frombuffer(mmap.mmap(-1, max(size, 1) * kind.itemsize, flags), kind, size)
