"""A few connections to the database as one role, shared by the server's threads.

Owns their opening on first use and again after the database went away. Refuses to wait for ever:
connecting and every statement have their limits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from awe.errors import ServiceDown

__all__ = ["Connections"]

#: Seconds for a login, and for an answer: somebody waits at the other end of each request.
LOGIN_PATIENCE = 3.0
ANSWER_PATIENCE = 6.0
#: The server gives up first; a lock that somebody holds is not waited for.
LOCKED, CANCELLED = "55P03", "57014"
OPTIONS = "-c statement_timeout=5000 -c lock_timeout=500"


class Connections:
    """Statements to the database, through at most `limit` connections.

    Parameters
    ----------
    connection : mapping
        Keyword arguments of `psycopg2.connect`.
    limit : int
        Most connections open at once; further statements wait.
    """

    def __init__(self, connection: Mapping[str, Any], *, limit: int = 4) -> None:
        self._arguments = dict(connection)
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
            The database does not answer, not even on a fresh connection.
        """
        import psycopg2

        error: Exception | None = None
        for fresh in (False, True):
            try:
                with self._connection(fresh) as connection, connection.cursor() as cursor:
                    cursor.execute(statement, values)
                    rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
                    return rows
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as failure:
                error = failure
                if failure.pgcode in (LOCKED, CANCELLED):
                    msg = "somebody holds what the dataserver has to change; try again"
                    raise ServiceDown(msg) from error
        msg = "the database does not answer the dataserver; start it with 'awe-admin start'"
        raise ServiceDown(msg) from error

    @contextmanager
    def _connection(self, fresh: bool) -> Iterator[Any]:
        import psycopg2

        with self._slots:
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

    def _pop(self) -> Any:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _open(self) -> Any:
        from awe.db import waiting

        arguments = {"application_name": "awe dataserver", "options": OPTIONS, **self._arguments}
        return waiting.connect(
            arguments, waiting.patient(ANSWER_PATIENCE), patience=LOGIN_PATIENCE
        )
