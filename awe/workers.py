"""Processes that share one piece of work: started fresh, and gone when their parent is.

Workers are spawned, never forked: a copy of a process with open connections and threads is not
safe. When the parent is killed they end too, instead of waiting for work for ever. When one of
them is killed it takes its own piece of work with it and no other. Ctrl-C is for the parent, which
lets them end what they are at.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from concurrent.futures import as_completed as completed
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from awe.errors import AweError, ServiceDown
from awe.imports import safe_children

__all__ = ["SPAWN", "leave_with_parent", "outcomes", "pool"]


_swapping = threading.Lock()


class _SafeProcess(SpawnProcess):
    """A spawned process that takes nothing from the working directory while it begins."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 - multiprocessing's name
        # started first: while it starts the tracker, the standard library lets Ctrl-C through
        resource_tracker.ensure_running()
        with safe_children(), _without_main(), _uninterrupted():
            return SpawnProcess._Popen(process_obj)


@contextmanager
def _without_main() -> Iterator[None]:
    """Keep the program of this process from being run again by what is started meanwhile.

    multiprocessing has every worker import the main script for what may have been defined there;
    workers of awe do what its own modules define, and a script without a guard would begin anew.
    """
    with _swapping:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back for the time of a block, and for ever in processes started meanwhile.

    A terminal sends it to all of them: it is the parent that stops them. Were they half started,
    each would print where it was, and the parent would wait for those it does not know of.
    """
    held: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    # another thread may take the signal, and Python tells the main one: a mask is not enough
    swapped = main and before is not None
    if swapped:
        signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if swapped:
            signal.signal(signal.SIGINT, before)
    if held:
        signal.raise_signal(signal.SIGINT)


class _Pool(ProcessPoolExecutor):
    """Processes of which none is half started when Ctrl-C comes."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Take a call; its process is started where it needs one."""
        with _uninterrupted():
            return super().submit(fn, *args, **kwargs)


class _SafeSpawn(SpawnContext):
    """Context of multiprocessing that starts fresh processes, without the working directory."""

    Process = _SafeProcess


#: How awe starts processes that share work.
SPAWN = _SafeSpawn()


def pool(number: int) -> ProcessPoolExecutor:
    """Return an executor with a number of processes.

    Parameters
    ----------
    number : int
        Number of processes that work side by side.
    """
    with safe_children():
        return _Pool(number, mp_context=SPAWN, initializer=leave_with_parent)


def outcomes(
    executor: Executor, function: Callable[..., Any], calls: Mapping[int, tuple[Any, ...]]
) -> Iterator[tuple[int, Any]]:
    """Yield the number of each call with what it returned, or its error, as they end.

    Parameters
    ----------
    executor : Executor
        Executor that runs the function.
    function : callable
        Function that is called.
    calls : mapping
        Arguments by number.

    Yields
    ------
    number : int
        Which call ended.
    value : object
        What it returned; the exception where it raised an error of awe or of the system, or
        where its process was killed, also when it ran alone.
    """
    jobs = {executor.submit(function, *given): number for number, given in calls.items()}
    lost = []
    for job in completed(jobs):
        value = _outcome(job.result)
        if isinstance(value, BrokenExecutor):
            lost.append(jobs[job])
        else:
            yield jobs[job], value
    for number in sorted(lost):
        with pool(1) as alone:
            value = _outcome(alone.submit(function, *calls[number]).result)
        if isinstance(value, BrokenExecutor):
            value = ServiceDown("its process was killed, also when it ran alone; is memory short?")
        yield number, value


def _outcome(result: Callable[[], Any]) -> Any:
    try:
        return result()
    except (AweError, OSError, MemoryError, BrokenExecutor) as error:
        return error


def leave_with_parent() -> None:
    """End this process as soon as the one that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
