"""Every file read again once in 30 days, so that damage is found while there are copies.

Owns the order, what was not looked at for the longest time first, and the pace: after each file a
rest of nine times what it took, so that a tenth of one processor and of the disk is used. What is
found is marked as `awe-admin fsck --mend` marks it: damaged and lost files are not handed out, and
nothing is removed or made up. When a file was found right is in its row, so that a server that is
killed goes on where it was.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from awe.dataserver import fsck
from awe.dataserver.authorisation import Permits
from awe.dataserver.store import Store
from awe.errors import AweError

__all__ = ["Scrubbed", "scrub", "scrub_forever"]

#: Seconds after which a file is read again: a little before 30 days are over.
AGE = 28 * 24 * 3600.0
#: Rest after a file, in multiples of the time it took.
REST = 9.0
#: Files of one question to the database.
AT_ONCE = 100
#: Seconds between two looks for files that are due.
PAUSE = 600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Scrubbed:
    """What one round did.

    `read` files of `size` bytes together were read; `found` are those that are not right.
    """

    read: int
    size: int
    found: tuple[fsck.Finding, ...]


def scrub(
    store: Store,
    permits: Permits,
    stop: threading.Event,
    *,
    age: float = AGE,
    rest: float = REST,
) -> Scrubbed:
    """Read the files that are due, at most a hundred, and return what was found.

    Parameters
    ----------
    store : Store
        The files.
    permits : Permits
        The database.
    stop : Event
        Ends the round after the file in hand.
    age : float
        Time since a file was found right from which it is due [s].
    rest : float
        Rest after a file, in multiples of the time it took.
    """
    read = size = 0
    found = []
    for file in permits.due(age, AT_ONCE):
        begin = time.monotonic()
        finding = fsck.difference(store, file)
        if finding is None:
            permits.mark(file.file_id, "ok")
        else:
            found.append(finding)
            _log.error("%s; %s", finding, fsck.mend(store, finding, permits.mark))
        read, size = read + 1, size + file.size
        if stop.wait(rest * (time.monotonic() - begin)):
            break
    return Scrubbed(read=read, size=size, found=tuple(found))


def scrub_forever(store: Store, permits: Permits, stop: threading.Event) -> None:
    """Scrub until `stop` is set."""
    while not stop.wait(PAUSE):
        try:
            done = scrub(store, permits, stop)
            while done.read > len(done.found) and not stop.is_set():
                done = scrub(store, permits, stop)
        except (AweError, OSError) as error:
            _log.warning("files are not read again now: %s", error)
