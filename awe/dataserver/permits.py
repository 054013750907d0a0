"""The questions of the dataserver to the database: who may read or write which file.

Owns a few connections as the role `awe_dataserver`, which can call the functions `awe.ds_*` and
nothing else; opens them on first use and again after the database went away. Refuses to answer
when the database does not: that is a ServiceDown, never a yes.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from awe.errors import ServiceDown

__all__ = ["Permit", "Permits", "ticket_hash"]


@dataclass(frozen=True, kw_only=True)
class Permit:
    """A file the asker may read, as the database knows it."""

    file_id: UUID
    size: int
    sha256: str
    health: str
    filename: str


def ticket_hash(ticket: str | None) -> bytes | None:
    """Return what the database stores of a ticket; None for nobody's."""
    if not ticket or not ticket.isascii():
        return None
    return hashlib.sha256(ticket.encode("ascii")).digest()


class Permits:
    """Questions to the database, through at most `limit` connections.

    Parameters
    ----------
    connection : mapping
        Keyword arguments of `psycopg2.connect`.
    limit : int
        Most connections open at once; further questions wait.
    """

    def __init__(self, connection: Mapping[str, Any], *, limit: int = 4) -> None:
        self._arguments = dict(connection)
        self._idle: list[Any] = []
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(limit)

    def may_read(self, ticket: bytes | None, file_id: UUID) -> Permit | None:
        """Return the file if the ticket's user, or anybody, may read it."""
        rows = self._ask(
            "SELECT size, sha256, health, filename FROM awe.ds_may_read(%s, %s::uuid)",
            (ticket, str(file_id)),
        )
        if not rows:
            return None
        size, sha256, health, filename = rows[0]
        return Permit(
            file_id=file_id,
            size=size,
            sha256=bytes(sha256).hex(),
            health=health,
            filename=filename,
        )

    def may_write(self, ticket: bytes | None, file_id: UUID) -> str | None:
        """Return the file name the ticket's user has reserved under that id."""
        if ticket is None:
            return None
        rows = self._ask("SELECT awe.ds_may_write(%s, %s::uuid)", (ticket, str(file_id)))
        return rows[0][0] if rows else None

    def stored(self, file_id: UUID, size: int, sha256: str) -> bool:
        """Record that the bytes of a reserved file are on disk."""
        rows = self._ask(
            "SELECT awe.ds_stored(%s::uuid, %s, %s)",
            (str(file_id), size, bytes.fromhex(sha256)),
        )
        return bool(rows[0][0])

    def named(self, ticket: bytes | None, filename: str) -> list[UUID]:
        """Return the files of that name the ticket's user may read, newest first."""
        rows = self._ask("SELECT id::text FROM awe.ds_find(%s, %s)", (ticket, filename))
        return [UUID(row[0]) for row in rows]

    def mark(self, file_id: UUID, health: str) -> None:
        """Record the health of a file: ok, bad or lost."""
        self._ask("SELECT awe.ds_health(%s::uuid, %s)", (str(file_id), health))

    def loose(self, grace_seconds: float) -> list[UUID]:
        """Give up files nobody linked within the grace, and return them."""
        rows = self._ask("SELECT awe.ds_loose(make_interval(secs => %s))::text", (grace_seconds,))
        return [UUID(row[0]) for row in rows]

    def trash(self) -> list[UUID]:
        """Return the files whose bytes may be removed."""
        return [UUID(row[0]) for row in self._ask("SELECT awe.ds_trash()::text", ())]

    def gone(self, file_id: UUID) -> None:
        """Forget a file of the trash, after its bytes were removed."""
        self._ask("SELECT awe.ds_gone(%s::uuid)", (str(file_id),))

    def known(self, file_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of the files that the database knows."""
        ids = [str(file_id) for file_id in file_ids]
        return {UUID(row[0]) for row in self._ask("SELECT awe.ds_known(%s::uuid[])::text", (ids,))}

    def thing(self, ticket: bytes | None, table: str, object_id: UUID) -> dict[str, Any] | None:
        """Return the attributes of an object the ticket's user, or anybody, may see."""
        rows = self._ask("SELECT awe.ds_object(%s, %s, %s::uuid)", (ticket, table, str(object_id)))
        return rows[0][0] if rows else None

    def jobs(self, ticket: bytes | None) -> list[dict[str, Any]]:
        """Return the jobs the ticket's user may see, newest first."""
        if ticket is None:
            return []
        return [row[0] for row in self._ask("SELECT awe.ds_jobs(%s)", (ticket,))]

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
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
        msg = "the database does not answer the dataserver; start it with 'awe-admin start'"
        raise ServiceDown(msg) from error

    @contextmanager
    def _connection(self, fresh: bool) -> Iterator[Any]:
        with self._slots:
            connection = None if fresh else self._pop()
            if connection is None:
                connection = self._open()
            try:
                yield connection
            except BaseException:
                with suppress(Exception):
                    connection.close()
                raise
            with self._lock:
                self._idle.append(connection)

    def _pop(self) -> Any:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _open(self) -> Any:
        import psycopg2

        connection = psycopg2.connect(
            **{
                "connect_timeout": 5,
                "application_name": "awe dataserver",
                "options": "-c statement_timeout=10000",
                **self._arguments,
            }
        )
        connection.autocommit = True
        return connection
