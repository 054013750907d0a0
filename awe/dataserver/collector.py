"""What is due once an hour: levels that rise, and what interrupted stores and deletions left.

Owns the order: the database gives a file up first, its bytes go after, its row last. Files on
disk that the database does not know are put aside only if it knew them neither before nor after
the disk was listed, and only past the grace; they are removed a month later. Refuses to touch a
file that any row links.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from uuid import UUID

from awe.dataserver.authorisation import Permits
from awe.dataserver.previews import Previews
from awe.dataserver.store import Store
from awe.errors import AweError

__all__ = ["Collected", "collect", "collect_forever", "release"]

#: Seconds a reservation or an unlinked file is kept: longer than any transaction or ticket lives.
GRACE = 24 * 3600.0
#: Seconds a file nobody knows stays put aside.
DARK = 30 * 24 * 3600.0
#: Objects whose level rises in one transaction.
AT_ONCE = 200
#: Seconds between two rounds.
PAUSE = 3600.0
#: Seconds from the start to the first round: what waits for the server comes first.
FIRST = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What one round cleared."""

    given_up: int
    removed: int
    put_aside: int
    swept: int
    released: int


def collect(store: Store, permits: Permits, *, grace: float = GRACE) -> Collected:
    """Clear what nobody linked within `grace` seconds, and return what was cleared."""
    previews = Previews(store)
    given_up = len(permits.loose(grace))
    removed = 0
    for file_id in permits.trash():
        # Bytes before their row: a round that is killed in between is done again by the next one.
        removed += store.discard(file_id)
        previews.discard(file_id)
        permits.gone(file_id)
    # The disk is listed before the database is asked. A row is older than its bytes, so that a
    # file under way is either not in the list or known.
    on_disk = store.older(grace)
    unknown = on_disk - permits.known(on_disk)
    unknown -= permits.known(unknown)
    for file_id in unknown:
        store.put_aside(store.path(file_id))
    alone = set(previews.old(grace))
    for file_id in alone - permits.known(alone):
        previews.discard(file_id)
    permits.sweep()
    swept = store.sweep(uploads_after=grace, dark_after=DARK)
    return Collected(
        given_up=given_up, removed=removed, put_aside=len(unknown), swept=swept,
        released=release(permits),
    )


def release(permits: Permits, *, most: int = AT_ONCE) -> int:
    """Raise the levels of what came to the end of its proprietary period.

    What is due is decided by the database. Objects rise `most` at a time, each in the transaction
    of its batch; one whose parents are lower waits for the next round, and a round follows another
    while something rises.

    Returns
    -------
    int
        Number of objects raised.
    """
    total = 0
    tables = permits.releasing()
    while tables:
        raised = sum(_released(permits, table, most) for table in tables)
        total += raised
        if not raised:
            break
    return total


def _released(permits: Permits, table: str, most: int) -> int:
    raised, since, last = 0, "-infinity", str(UUID(int=0))
    while (step := permits.release(table, since, last, most)) is not None:
        number, since, last = step
        raised += number
    return raised


def collect_forever(
    store: Store, permits: Permits, stop: threading.Event, *, first: float = FIRST
) -> None:
    """Collect `first` seconds after the start and then once an hour, until `stop` is set.

    A server that is started every morning and stopped at night collects too.
    """
    pause = first
    while not stop.wait(pause):
        pause = PAUSE
        try:
            done = collect(store, permits)
        except (AweError, OSError) as error:
            _log.warning("nothing collected: %s", error)
        else:
            _log.info("collected: %s", done)
