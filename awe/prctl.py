"""Requests to Linux by prctl(2): how a process and its children end together.

Python does not offer the call, so it goes through the C library. A system without it is told by
what each function returns.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Callable

__all__ = ["adopt_orphans", "die_with_parent"]

_SET_PDEATHSIG = 1
_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> bool:
    """Make this process the parent of all its orphaned descendants; False where it cannot be."""
    # Not inherited by fork (prctl(2)): each keeper has to ask for itself.
    with contextlib.suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    return False


def die_with_parent() -> Callable[[], None] | None:
    """Return what a new child calls to be killed when this process dies; None where it cannot."""
    if not hasattr(library := ctypes.CDLL(None), "prctl"):
        return None
    parent = os.getpid()

    def ask() -> None:
        library.prctl(_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before the request; then the signal never comes.
        if os.getppid() != parent:
            os._exit(1)

    return ask
