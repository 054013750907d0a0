"""When the bytes of a file are read again on request, and when they are not.

Reading a file again is for whoever received other bytes than were stored; as a pastime it would
keep the disk from everybody else. Owns a note of each file found right, good for a minute, and
the turns: one check at a time for each client, a few for all, and between two checks of one client
a rest of four times what the last one took.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException

__all__ = ["Checks", "Turn"]

#: Seconds a file found right need not be read again.
FRESH = 60.0
#: Checks that run side by side.
TOGETHER = 2
#: Rest after a check, in multiples of its time.
REST = 4.0


class Turn:
    """One check."""

    def __init__(self, checks: Checks, file_id: UUID) -> None:
        self._checks = checks
        self._file_id = file_id

    def found(self, health: str) -> None:
        """Note what was found."""
        if health == "ok":
            self._checks._right[self._file_id] = time.monotonic()


class Checks:
    """Who checks now, and what was found right a moment ago; used by one thread."""

    def __init__(self) -> None:
        self._right: dict[UUID, float] = {}
        #: Client to the time from which it may check again; infinite while it checks.
        self._again: dict[Any, float] = {}

    def is_fresh(self, file_id: UUID) -> bool:
        """Return True if the file was found right less than a minute ago."""
        return time.monotonic() - self._right.get(file_id, -math.inf) < FRESH

    @contextmanager
    def turn(self, client: Any, file_id: UUID) -> Iterator[Turn]:
        """Hold a turn of this client.

        Raises
        ------
        HTTPException
            429: it has one already or had one just now, or others have them all.
        """
        begin = time.monotonic()
        self._forget(begin)
        again = self._again.get(client, 0.0)
        if again > begin or sum(map(math.isinf, self._again.values())) >= TOGETHER:
            wait = max(1, math.ceil(again - begin)) if math.isfinite(again) else 1
            msg = f"files are being read again already; ask again in {wait} s"
            raise HTTPException(429, msg, {"retry-after": str(wait)})
        self._again[client] = math.inf
        try:
            yield Turn(self, file_id)
        finally:
            end = time.monotonic()
            # So one client has the disk read for a fifth of the time at most.
            self._again[client] = end + REST * (end - begin)

    def _forget(self, now: float) -> None:
        self._right = {k: seen for k, seen in self._right.items() if now - seen < FRESH}
        self._again = {k: again for k, again in self._again.items() if again > now}
