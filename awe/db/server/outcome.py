"""What became of a transaction whose end was not heard: stored, not stored, not known yet.

The server gives each writing transaction its number with the answer to BEGIN. When the connection
breaks off at COMMIT, the old session may still be at work on it: nothing is looked up before the
server has decided. Where somebody can tell the rows of the transaction, the rows speak, because a
server that crashed may give a number a second time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from awe.errors import AweError, DatabaseError, QueryError
from awe.terminal import err

__all__ = ["BEGIN", "BEGIN_ALONE", "Doubt", "became"]

#: one round trip, and no more work than the first INSERT would have had
BEGIN = "BEGIN; SELECT pg_current_xact_id()::text, now()::text"
#: PostgreSQL 14 documentation, 13.2.3: what one read and another wrote is a conflict
BEGIN_ALONE = BEGIN.replace("BEGIN;", "BEGIN ISOLATION LEVEL SERIALIZABLE;")
STATUS = "SELECT pg_xact_status(%s::xid8)"
#: statistics begin anew after a crash, also after one that left the postmaster alive
RESTARTED = (
    "SELECT greatest(pg_postmaster_start_time(), (SELECT stats_reset FROM pg_stat_bgwriter))"
    " > %s::timestamptz"
)
END_SESSION = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE pid = %s AND backend_xid = %s::xid8::xid"
)

PATIENCE = 60.0
#: after that the old session is asked to end: it may wait for a client that is gone
SLOW = 1.0
PAUSE = 0.1

Ask = Callable[[str, Sequence[object]], list[tuple[object, ...]]]


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A transaction that was ended without an answer: number, server process, time of BEGIN."""

    number: str
    process: int
    began: str


def became(
    doubt: Doubt, ask: Ask, witnesses: Sequence[Callable[[], bool]] = ()
) -> bool | None:
    """Return whether a transaction was stored, None where the server cannot tell in time.

    Parameters
    ----------
    doubt : Doubt
        Transaction whose end is not known.
    ask : callable
        Function that sends one statement over a new connection.
    witnesses : sequence of callable
        Functions that return, once the transaction is over, whether rows of it are there; any is
        enough.
    """
    began = time.monotonic()
    hurried = told = False
    while True:
        try:
            if (status := _status(doubt, ask)) is not None:
                if witnesses:
                    return any(witness() for witness in witnesses)
                # after a restart the number may be somebody else's, and nobody can tell
                return None if status and _restarted(doubt, ask) else status
            if not hurried and time.monotonic() - began > SLOW:
                hurried = True
                ask(END_SESSION, (doubt.process, doubt.number))
        except AweError as error:
            if not isinstance(error, DatabaseError):
                raise
        waited = time.monotonic() - began
        if waited > PATIENCE:
            return None
        if not told and waited > SLOW:
            told = True
            err(
                "connection lost while committing; asking the database what became of it ...\n"
            )
        time.sleep(PAUSE)


def _status(doubt: Doubt, ask: Ask) -> bool | None:
    """Return True for stored, False for not stored, None while it is going on."""
    try:
        ((status,),) = ask(STATUS, (doubt.number,))
    except QueryError:
        # a number the server never heard of: it crashed before anything was written
        return False
    return None if status == "in progress" else status == "committed"


def _restarted(doubt: Doubt, ask: Ask) -> bool:
    """Return True if the server was started after the transaction had begun."""
    ((restarted,),) = ask(RESTARTED, (doubt.began,))
    return bool(restarted)
