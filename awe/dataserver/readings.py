"""Who read which file: counted here, kept by the database a few seconds later.

A reader waits for no row to be written, and a thousand requests for parts of one file are one
row. What was counted when the process is killed is lost; at an ordinary end it is kept. While
the database is away the oldest counts go once there are `MOST`.
"""

from __future__ import annotations

import logging
import threading
from uuid import UUID

from awe.dataserver.authorisation import Permit, Permits
from awe.errors import AweError

__all__ = ["Readings"]

#: Seconds until what was read is written down.
PAUSE = 5.0
#: Pairs of file and reader that are kept while the database is away.
MOST = 100_000

_log = logging.getLogger(__name__)


class Readings:
    """How often each file was read by whom since it was last written down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[UUID, int], int] = {}

    def note(self, permit: Permit) -> None:
        """Count one reading of a file by whom the permit is for."""
        self._add({(permit.file_id, permit.reader): 1})

    def keep(self, permits: Permits) -> int:
        """Write down what was counted, and return how many pairs of file and reader it was."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if counts:
            try:
                permits.note(counts)
            except AweError:
                self._add(counts)
                raise
        return len(counts)

    def keep_forever(self, permits: Permits, stop: threading.Event) -> None:
        """Write down what was counted every few seconds, and once more when `stop` is set."""
        ended = False
        while not ended:
            ended = stop.wait(PAUSE)
            try:
                self.keep(permits)
            except AweError as error:
                _log.warning("who read what is written down later: %s", error)

    def _add(self, counts: dict[tuple[UUID, int], int]) -> None:
        with self._lock:
            for pair, times in counts.items():
                self._counts[pair] = self._counts.get(pair, 0) + times
            while len(self._counts) > MOST:
                del self._counts[next(iter(self._counts))]
