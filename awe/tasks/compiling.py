"""Kernels are compiled once: during other work where there is some, and never without a word.

What calibrations are made with takes a quarter of the time that all kernels take. Who waits for
calibrations waits for those alone; the process that compiled them goes on with the others.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from typing import IO

from awe import bars, calib, fits
from awe.config import home_directory
from awe.workers import SPAWN, leave_with_parent

__all__ = ["Compiling", "Turn", "told"]

#: what numba announces before it compiles, and not before it loads
COMPILES = "numba:compile"
#: seconds between two looks at a process that compiles
LOOK = 0.1
#: seconds that another process is waited for at most
LONGEST = 180.0


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


class Turn:
    """The right to compile, which one process of an installation has at a time.

    Others wait, and find compiled what they need: two workers that begin together would compile
    the same. Who compiles for longer than `LONGEST`, or where files cannot be locked, is not
    waited for.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None

    def take(self) -> None:
        """Wait for the right; nothing if this process has it."""
        if self._file is not None:
            return
        with contextlib.suppress(OSError):
            self._file = (home_directory() / "compiling.lock").open("ab")
        ends = time.monotonic() + LONGEST
        while self._file is not None and time.monotonic() < ends:
            with contextlib.suppress(OSError):
                # by process, not by open file, so that who is forked meanwhile has not got it
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            time.sleep(LOOK)

    def give_back(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            self._file.close()
            self._file = None


@contextlib.contextmanager
def told() -> Iterator[Turn]:
    """Say so where a kernel has to be compiled, and wait for a process that compiles already.

    Returns
    -------
    context manager
        Listens as long as its block lasts, and yields the right to compile, which is taken with
        the first kernel and given back at the end of the block at the latest. A line is written
        where standard error is a terminal.
    """
    from numba.core import event

    said = threading.Event()
    turn = Turn()

    class Told(event.Listener):
        def on_start(self, event: object) -> None:
            if not said.is_set():
                said.set()
                if sys.stderr.isatty():
                    bars.note("compiling the kernels, once; up to a minute")
                if Compiling.last is not None:
                    Compiling.last.wait()
            turn.take()

        def on_end(self, event: object) -> None:
            pass

    try:
        with event.install_listener(COMPILES, Told()):
            yield turn
    finally:
        turn.give_back()
