"""A few connections to the database as one role, shared by the server's threads.

Owns their opening on first use and again after the database went away. Refuses to wait for ever:
connecting, every statement and the wait for a free connection have their limits. After a silence
of the database the next questions are refused at once for a moment.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
from psycopg2.extensions import encrypt_password

from awe.db.server import failures, waiting
from awe.errors import ServiceDown

__all__ = ["Connections"]

#: Seconds for a login, and for an answer: somebody waits at the other end of each request.
LOGIN_PATIENCE = 3.0
ANSWER_PATIENCE = 5.0
#: The server gives up first; a lock that somebody holds is not waited for.
LOCKED, CANCELLED = "55P03", "57014"
OPTIONS = "-c statement_timeout={:.0f} -c lock_timeout=500"
#: Seconds after a silence in which the database is not asked again.
PAUSE = 1.0

_AWAY = "the database does not answer the dataserver; start it with 'awe-admin start'"
_SILENT = (
    "the database has not answered the dataserver for {:.0f} s: it is frozen or overloaded; "
    "try again in a moment, or see 'awe-admin status'"
)
_FULL = "the database has no connection left for the dataserver now; try again in a moment"
_HELD = "somebody holds what the dataserver has to change; try again"


class Connections:
    """Statements to the database, through at most `limit` connections.

    Parameters
    ----------
    connection : mapping
        Keyword arguments of `psycopg2.connect`.
    limit : int
        Largest number of connections open at once; further statements wait.
    patience : float
        Time until an answer must be there [s].
    """

    def __init__(
        self,
        connection: Mapping[str, Any],
        *,
        limit: int = 4,
        patience: float = ANSWER_PATIENCE,
    ) -> None:
        self._arguments = dict(connection)
        self._patience = patience
        self._silent_until = 0.0
        self._idle: list[Any] = []
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(limit)

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def ask(self, statement: Any, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Run one statement in a transaction of its own and return its rows.

        Raises
        ------
        ServiceDown
            The database does not answer in time, not even on a fresh connection, or takes no
            more connections.
        """
        error: Exception | None = None
        begin = time.monotonic()
        # A kept connection may be from before a restart of the database; a fresh one is not.
        for fresh in (False, True):
            try:
                with self._connection(fresh) as connection, connection.cursor() as cursor:
                    cursor.execute(statement, values)
                    rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
                    return rows
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as failure:
                error = failure
                if failure.pgcode in (LOCKED, CANCELLED):
                    raise ServiceDown(_HELD) from error
                if time.monotonic() - begin > min(LOGIN_PATIENCE, self._patience):
                    self._silent_until = time.monotonic() + PAUSE
                    raise ServiceDown(_SILENT.format(time.monotonic() - begin)) from error
        full = error is not None and failures.is_full(error)
        raise ServiceDown(_FULL if full else _AWAY) from error

    def verifier(self, password: str) -> str:
        """Return what the database keeps of a password; it does not travel."""
        with self._connection(fresh=False) as connection:
            text: str = encrypt_password(password, "", connection, "scram-sha-256")
        return text

    @contextmanager
    def _connection(self, fresh: bool) -> Iterator[Any]:
        if not self._slots.acquire(timeout=self._patience):
            raise ServiceDown(_SILENT.format(self._patience))
        try:
            if time.monotonic() < self._silent_until:
                raise ServiceDown(_SILENT.format(self._patience))
            connection = None if fresh else self._pop()
            if connection is None:
                connection = self._open()
            try:
                yield connection
            except BaseException:
                # it may be broken: it is not used again either way, and the error goes on
                with suppress(psycopg2.Error):
                    connection.close()
                raise
            with self._lock:
                self._idle.append(connection)
        finally:
            self._slots.release()

    def _pop(self) -> Any:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _open(self) -> Any:
        options = OPTIONS.format(1000 * self._patience)
        arguments = {"application_name": "awe dataserver", "options": options, **self._arguments}
        # the server gives up first, and says so
        return waiting.connect(
            arguments, waiting.patient(self._patience + 1), patience=LOGIN_PATIENCE
        )
