"""The collector of cycles leaves alone what was there before a task.

It looks at every object there is again and again: for classes, modules and compiled kernels that
is a tenth of the time a frame takes, and finds nothing. What a task makes it looks at as before.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]

_lock = threading.Lock()
_depth = 0


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the collector pass over all objects there are now, as long as the block lasts.

    Where somebody has done so for good, as the process that forks workers does, it stays so.
    """
    global _depth
    with _lock:
        ours = _depth > 0 or not gc.get_freeze_count()
        if ours and not _depth:
            gc.freeze()
        _depth += ours
    try:
        yield
    finally:
        with _lock:
            _depth -= ours
            if ours and not _depth:
                gc.unfreeze()
