"""Memory of whole frames is kept for the next frame instead of going back to the system.

The kernel clears every page it hands out, and looks for large free pieces first: on a busy
machine that takes longer than the arithmetic on them. Threads share what is kept: memory of
their own would be cleared again for each. Does nothing where the C library is not glibc.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache

__all__ = ["keep_pages"]

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
