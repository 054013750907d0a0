"""Processes that share one piece of work: started fresh, and gone when their parent is.

Workers are spawned, never forked: a copy of a process with open connections and threads is not
safe. When the parent is killed they end too, instead of waiting for work for ever.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import wait

__all__ = ["leave_with_parent", "pool"]


def pool(number: int) -> ProcessPoolExecutor:
    """Return an executor of so many processes.

    Parameters
    ----------
    number : int
        How many work side by side.
    """
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(number, mp_context=context, initializer=leave_with_parent)


def leave_with_parent() -> None:
    """End this process as soon as the one that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
