"""Kernels are compiled once: during other work where there is some, and never without a word.

What calibrations are made with takes a quarter of the time that all kernels take. Who waits for
calibrations waits for those alone; the process that compiled them goes on with the others.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from multiprocessing.synchronize import Event

from awe import bars, calib, fits
from awe.workers import SPAWN, leave_with_parent

__all__ = ["Compiling", "told"]

#: what numba announces before it compiles, and not before it loads
COMPILES = "numba:compile"
#: seconds between two looks at a process that compiles
LOOK = 0.1


class Compiling:
    """A process next to this one; it compiles all kernels, and ends with it at the latest.

    Attributes
    ----------
    process : SpawnProcess
        The process.
    masters : Event
        Set when the kernels are compiled that calibrations are made with.
    """

    #: the one that was begun last, for who needs its kernels
    last: Compiling | None = None

    def __init__(self) -> None:
        self.masters = SPAWN.Event()
        # a daemon: a prompt that ends does not wait for it
        self.process = SPAWN.Process(
            target=_compile, args=(self.masters,), name="awe-compiling", daemon=True
        )
        self.process.start()
        Compiling.last = self

    def wait_for_masters(self, longest: float | None = None) -> bool:
        """Wait until calibrations find their kernels compiled; return False where they do not.

        Parameters
        ----------
        longest : float, optional
            Seconds to wait at most; as long as it takes when left out.
        """
        spent = 0.0
        while not self.masters.wait(LOOK):
            spent += LOOK
            if not self.process.is_alive():
                return True
            if longest is not None and spent >= longest:
                return False
        return True

    def wait(self) -> None:
        """Wait until all kernels are compiled."""
        while self.process.is_alive():
            self.process.join(LOOK)


def _compile(masters: Event) -> None:
    leave_with_parent()
    os.nice(5)
    # This only saves time: what fails here is compiled when it is used, and complains there.
    with contextlib.suppress(Exception):
        for _ in calib.warming(frames=False):
            pass
        for _ in fits.warming():
            pass
        masters.set()
        for _ in calib.warming(masters=False):
            pass
    masters.set()


def told() -> contextlib.AbstractContextManager[object]:
    """Say so where a kernel has to be compiled, and wait for a process that compiles already.

    Returns
    -------
    context manager
        Listens as long as its block lasts. A line is written where standard error is a terminal.
    """
    from numba.core import event

    said = threading.Event()

    class Told(event.Listener):
        def on_start(self, event: object) -> None:
            if said.is_set():
                return
            said.set()
            if sys.stderr.isatty():
                bars.note("compiling the kernels, once; up to a minute")
            if Compiling.last is not None:
                Compiling.last.wait()

        def on_end(self, event: object) -> None:
            pass

    listening: contextlib.AbstractContextManager[object] = event.install_listener(COMPILES, Told())
    return listening
