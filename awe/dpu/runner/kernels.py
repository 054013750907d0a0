"""Modules and compiled kernels for every worker: loaded by the process that forks workers.

To load a few takes that process a moment between two requests. To compile a kernel takes seconds,
in which it would be deaf; where one was never compiled, a child compiles all of them into the
cache on disk, and the process that forks goes on to load when that child has ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import itertools
import os
import pkgutil
import signal
from collections.abc import Callable, Iterator

from awe import calib, fits
from awe.prctl import die_with_parent
from awe.tasks.compiling import Turn

__all__ = ["Kernels", "settle"]

#: what numba announces before it compiles, and not before it loads
COMPILES = "numba:compile"

#: packages whose modules recipes need, those below them too, and single modules
PACKAGES = ("awe.fits", "awe.calib", "awe.model", "awe.rules", "awe.tasks", "awe.recipes")
MODULES = ("awe.dataserver.client", "awe.dataserver.nearest", "awe.instruments", "encodings.idna")

#: where recipes of people's own are found: they are not this process's to run
OWN = "awe.recipes.user"


class _NeverCompiled(Exception):
    """A kernel is not in the cache on disk."""


class Kernels:
    """The kernels of one process that forks workers.

    Attributes
    ----------
    idle : bool
        There is nothing to do now: all is loaded, or a child compiles.
    child : int or None
        Number of the child that compiles.
    """

    def __init__(self) -> None:
        self.idle = False
        self.child: int | None = None
        self._compiled = False
        self._steps = _steps()

    def step(self, leave: Callable[[], None]) -> None:
        """Load a few kernels, or have them compiled where they never were.

        Parameters
        ----------
        leave : callable
            What the child calls to close what is this process's own.
        """
        # what could not be kept on disk is compiled here after all, once for all workers
        watched = contextlib.nullcontext() if self._compiled else _watched()
        try:
            with watched:
                self.idle = bool(next(self._steps, True))
        except _NeverCompiled:
            # the end of a child that ends at once is heard of when its number is known
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
            self.child, self.idle = _compiling(leave), True
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        except Exception:
            # what cannot be loaded now fails in the job that needs it, and is told there
            self.idle = True

    def ended(self, pid: int) -> None:
        """Take note of the end of a child: what it compiled can be loaded now."""
        if pid == self.child:
            self.child, self.idle, self._compiled, self._steps = None, False, True, _steps()


def settle() -> None:
    """Let the children share the pages of all there is now."""
    gc.collect()
    # The collector writes into the objects it looks at, which copies their pages in every child;
    # frozen ones it leaves alone.
    gc.freeze()


def _imports() -> Iterator[None]:
    """Import what recipes need, a package with each step."""
    for name in (*MODULES, *PACKAGES):
        # what cannot be imported now fails in the job that needs it, and is explained in its log
        with contextlib.suppress(Exception):
            _import(name, below=name in PACKAGES)
        yield


def _import(name: str, *, below: bool) -> None:
    module = importlib.import_module(name)
    for one in pkgutil.iter_modules(module.__path__) if below else ():
        if f"{name}.{one.name}" != OWN:
            _import(f"{name}.{one.name}", below=one.ispkg)


def _steps() -> Iterator[None]:
    for _ in itertools.chain(_imports(), calib.warming(), fits.warming()):
        settle()
        yield


def _watched() -> contextlib.AbstractContextManager[object]:
    """Refuse to compile meanwhile."""
    from numba.core import event

    class Refusing(event.Listener):
        def on_start(self, event: object) -> None:
            raise _NeverCompiled

        def on_end(self, event: object) -> None:
            pass

    watch: contextlib.AbstractContextManager[object] = event.install_listener(
        COMPILES, Refusing()
    )
    return watch


def _in_turn() -> contextlib.AbstractContextManager[object]:
    """Compile one kernel after the other, each when no job does; jobs compile theirs at once."""
    from numba.core import event

    turn = Turn()
    inside = 0  # what a kernel calls is compiled within it

    class InTurn(event.Listener):
        def on_start(self, event: object) -> None:
            nonlocal inside
            inside += 1
            turn.take()

        def on_end(self, event: object) -> None:
            nonlocal inside
            inside -= 1
            if not inside:
                turn.give_back()

    taking: contextlib.AbstractContextManager[object] = event.install_listener(COMPILES, InTurn())
    return taking


def _compiling(leave: Callable[[], None]) -> int:
    """Fork a child that compiles all kernels, and ends with this process; return its number."""
    bind = die_with_parent()
    pid = os.fork()
    if pid:
        return pid
    try:
        if bind is not None:
            bind()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        leave()
        os.nice(5)  # jobs go first
        with _in_turn():
            for _ in _steps():
                pass
    finally:
        os._exit(0)
