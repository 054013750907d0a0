"""What a batch engine has in its queue, read in a thread of its own: the runner never waits.

An engine that does not answer says nothing about its jobs: they stay what they were.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from awe.errors import ServiceDown

__all__ = ["Entry", "Listing"]

logger = logging.getLogger(__name__)

#: seconds between two questions while jobs are followed, and while none is
BUSY = 1.0
IDLE = 15.0
#: seconds after which a follower counts as gone
FOLLOWED = 5.0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A batch job as its engine tells of it: its state in the engine's words, and why."""

    state: str
    name: str = ""
    reason: str = ""


#: nothing was heard since the job was submitted
UNKNOWN = Entry(state="UNKNOWN")
#: the engine answered, and twice did not know the job
GONE = Entry(state="GONE")


class Listing:
    """The last answer of a batch engine, renewed by a thread of its own.

    Parameters
    ----------
    ask : callable
        Function that returns the entries by their numbers; it may take long, and may raise
        `ServiceDown`.
    """

    def __init__(self, ask: Callable[[], dict[int, Entry]]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._entries: dict[int, Entry] = {}
        self._begun = 0.0
        self._works = False
        self._told = False
        self._followed = 0.0
        self._missed: dict[int, tuple[float, int]] = {}

    def answered(self) -> bool:
        """Return True if the engine answered when it was asked last."""
        self._start()
        with self._lock:
            return self._works

    def doubt(self) -> None:
        """Take the engine for away until it answers again: it is asked at once."""
        with self._lock:
            self._works = False
        self._wake.set()

    def entry(self, number: int, name: str, since: float) -> Entry:
        """Return what is known of a job from answers to questions asked after `since`.

        A job of that number and another name is somebody else's: the number was used again.
        """
        self._start()
        self._followed = time.monotonic()
        self._wake.set()
        with self._lock:
            if not self._works or self._begun <= since:
                return UNKNOWN
            found = self._entries.get(number)
            if found is not None and found.name == name:
                self._missed.pop(number, None)
                return found
            at, times = self._missed.get(number, (0.0, 0))
            if at != self._begun:
                self._missed[number] = self._begun, times + 1
            return GONE if self._missed[number][1] > 1 else UNKNOWN

    def number(self, name: str) -> int | None:
        """Return the number of the job of a name, asking now; None where the engine has none.

        Raises
        ------
        ServiceDown
            The engine does not answer.
        """
        found = [number for number, entry in self._ask().items() if entry.name == name]
        return max(found, default=None)

    def close(self) -> None:
        """Stop asking."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(1.0)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._renew, name="listing", daemon=True)
            self._thread.start()

    def _renew(self) -> None:
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                entries = self._ask()
            except (ServiceDown, OSError, ValueError) as error:
                self._say(error)
            else:
                with self._lock:
                    self._entries, self._begun, self._works = entries, begun, True
                self._told = False
            self._wake.clear()
            followed = time.monotonic() - self._followed < FOLLOWED
            if followed:
                self._stop.wait(BUSY)
            else:
                self._wake.wait(IDLE)

    def _say(self, error: Exception) -> None:
        with self._lock:
            self._works = False
        if not self._told:
            self._told = True
            logger.warning("%s; asking again", error)
