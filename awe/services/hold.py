"""The lock in the database that says which awe-server serves it.

Two homes can lead to one database by mistake; the lock file of a home does not see that. The lock
is one of the database's own, which people may not use, held by a connection that does nothing
else. After a restart of the database it is taken again; a server that finds it taken gives up.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import psycopg2

from awe.errors import ServiceDown

__all__ = ["Hold"]

KEY = 8795
#: Seconds a server that has just ended may still hold the lock.
PATIENCE = 8.0
PAUSE = 2.0
LONGEST_NAME = 63

_log = logging.getLogger(__name__)


class Hold:
    """The right to serve one database.

    Parameters
    ----------
    arguments : mapping
        Connection arguments of `awe_dataserver`, as psycopg2 takes them.
    who : str
        Name that is shown to whoever finds the lock taken.
    """

    def __init__(self, arguments: Mapping[str, Any], who: str) -> None:
        name = f"awe-server of {who}"[:LONGEST_NAME]
        self._arguments = {**arguments, "application_name": name}
        self._connection: Any = None

    def take(self) -> None:
        """Take the lock.

        Raises
        ------
        ServiceDown
            Another awe-server has it, or the database does not answer.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                holder = self._try()
            except psycopg2.Error as error:
                msg = f"the database does not answer: {' '.join(str(error).split())}"
                raise ServiceDown(msg) from error
            if holder is None:
                return
            if time.monotonic() > deadline:
                msg = f"this database is served already, by {holder}; stop that one first"
                raise ServiceDown(msg)
            time.sleep(0.2)

    def keep(self, stop: threading.Event, lost: Callable[[], None]) -> None:
        """Hold the lock until `stop`; call `lost` if somebody else got it."""
        while not stop.wait(PAUSE):
            if self._alive():
                continue
            try:
                self.take()
            except ServiceDown as error:
                if "served already" in str(error):
                    _log.error("%s; this one ends", error)
                    lost()
                    return
        self._close()

    def _try(self) -> str | None:
        """Return None with the lock in hand, else who has it."""
        self._close()
        connection = psycopg2.connect(**self._arguments)
        # The lock is the session's; a transaction left open around it would be ended for idling.
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (KEY,))
            if cursor.fetchone()[0]:
                self._connection = connection
                return None
            cursor.execute(
                "SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) "
                "WHERE locktype = 'advisory' AND objid = %s AND granted AND pg_locks.database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())",
                (KEY,),
            )
            found = cursor.fetchone()
        connection.close()
        return str(found[0]) if found and found[0] else "another awe-server"

    def _alive(self) -> bool:
        if self._connection is None:
            return False
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error:
            return False
        return True

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
