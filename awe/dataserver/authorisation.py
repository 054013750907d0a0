"""The questions of the dataserver to the database: who may read or write which file.

Owns the calls of the functions `awe.ds_*`, which are all that the role `awe_dataserver` can do.
Refuses to answer when the database does not: that is a ServiceDown, never a yes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from awe.dataserver.connections import Connections
from awe.dataserver.fsck import Expected

__all__ = ["Permit", "Permits", "ticket_hash"]


@dataclass(frozen=True, kw_only=True)
class Permit:
    """A file the asker may read, as the database knows it."""

    file_id: UUID
    size: int
    sha256: str
    health: str
    filename: str
    #: Number of the person who asks; 0 for somebody without a login.
    reader: int = 0


def ticket_hash(ticket: str | None) -> bytes | None:
    """Return what the database stores of a ticket; None for nobody's."""
    if not ticket or not ticket.isascii():
        return None
    # The database holds no ticket, so that its tables and backups open nothing.
    return hashlib.sha256(ticket.encode("ascii")).digest()


class Permits(Connections):
    """The questions, asked as the role `awe_dataserver`."""

    def may_read(self, ticket: bytes | None, file_id: UUID) -> Permit | None:
        """Return the file if the ticket's user, or anybody, may read it."""
        rows = self.ask(
            "SELECT size, sha256, health, filename, coalesce(awe.ds_reader(%s), 0) "
            "FROM awe.ds_may_read(%s, %s::uuid)",
            (ticket, ticket, str(file_id)),
        )
        if not rows:
            return None
        size, sha256, health, filename, reader = rows[0]
        return Permit(
            file_id=file_id,
            size=size,
            sha256=bytes(sha256).hex(),
            health=health,
            filename=filename,
            reader=reader,
        )

    def may_write(self, ticket: bytes | None, file_id: UUID) -> str | None:
        """Return the file name the ticket's user has reserved under that id."""
        if ticket is None:
            return None
        rows = self.ask("SELECT awe.ds_may_write(%s, %s::uuid)", (ticket, str(file_id)))
        return rows[0][0] if rows else None

    def may_write_some(self, ticket: bytes | None, file_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of the files that the ticket's user has reserved."""
        ids = [str(file_id) for file_id in file_ids]
        if ticket is None:
            return set()
        rows = self.ask(
            "SELECT f.id::text FROM unnest(%s::uuid[]) AS f (id) "
            "WHERE awe.ds_may_write(%s, f.id) IS NOT NULL",
            (ids, ticket),
        )
        return {UUID(row[0]) for row in rows}

    def stored_some(self, files: Mapping[UUID, tuple[int, str]]) -> set[UUID]:
        """Record that the bytes of reserved files are on disk, and return those that were."""
        if not files:
            return set()
        values = [[str(one) for one in files], *map(list, zip(*files.values(), strict=True))]
        # not waited for, as in `stored`
        rows = self.ask(
            "SELECT f.id::text, set_config('synchronous_commit', 'off', true) "
            "FROM unnest(%s::uuid[], %s::bigint[], %s::text[]) AS f (id, size, sha256) "
            "WHERE awe.ds_stored(f.id, f.size, decode(f.sha256, 'hex'))",
            tuple(values),
        )
        return {UUID(row[0]) for row in rows}

    def may_store(
        self, ticket: bytes | None, file_id: UUID, size: int
    ) -> tuple[str | None, str | None]:
        """Return the name of a file as `may_write`, and why that many bytes are not taken."""
        if ticket is None:
            return None, None
        [(filename, refusal)] = self.ask(
            "SELECT awe.ds_may_write(%s, %s::uuid), awe.ds_room(%s::uuid, %s)",
            (ticket, str(file_id), str(file_id), size),
        )
        return filename, refusal

    def refuse(self, file_id: UUID) -> bool:
        """Give up a reserved file whose bytes came and are not taken; False if it was stored."""
        return bool(self.ask("SELECT awe.ds_refuse(%s::uuid)", (str(file_id),))[0][0])

    def stored(self, file_id: UUID, size: int, sha256: str) -> bool | None:
        """Record that the bytes of a reserved file are on disk.

        Returns
        -------
        bool or None
            True if it was; False if it was not reserved any more, None if the quota of its owner
            has no room for it.
        """
        # The log of a database is written in order: this row is on disk before any that names
        # the file, so nobody has to wait for the disk here.
        rows = self.ask(
            "SELECT awe.ds_stored(%s::uuid, %s, %s), "
            "set_config('synchronous_commit', 'off', true)",
            (str(file_id), size, bytes.fromhex(sha256)),
        )
        done: bool | None = rows[0][0]
        return done

    def named(self, ticket: bytes | None, filename: str) -> list[UUID]:
        """Return the files of that name the ticket's user may read, newest first."""
        rows = self.ask("SELECT id::text FROM awe.ds_find(%s, %s)", (ticket, filename))
        return [UUID(row[0]) for row in rows]

    def is_creator(self, ticket: bytes | None, file_id: UUID, filename: str) -> bool:
        """Return True if the ticket's user stored a file that an object names."""
        rows = self.ask(
            "SELECT 1 FROM awe.ds_find(%s, %s) AS f WHERE f.id = %s::uuid "
            "AND upper(f.creator) = awe.ds_who(%s)",
            (ticket, filename, str(file_id), ticket),
        )
        return bool(rows)

    def mark(self, file_id: UUID, health: str) -> None:
        """Record the health of a file: ok, bad or lost."""
        self.ask("SELECT awe.ds_health(%s::uuid, %s)", (str(file_id), health))

    def due(self, age: float, most: int) -> list[Expected]:
        """Return files that were last found right longer ago than `age` [s], the oldest first."""
        rows = self.ask(
            "SELECT id::text, filename, size, encode(sha256, 'hex') "
            "FROM awe.ds_due(make_interval(secs => %s), %s)",
            (age, most),
        )
        return [
            Expected(file_id=UUID(row[0]), filename=row[1], size=row[2], sha256=row[3])
            for row in rows
        ]

    def loose(self, grace_seconds: float) -> list[UUID]:
        """Give up files nobody linked within the grace, and return them."""
        rows = self.ask("SELECT awe.ds_loose(make_interval(secs => %s))::text", (grace_seconds,))
        return [UUID(row[0]) for row in rows]

    def trash(self) -> list[UUID]:
        """Return the files whose bytes may be removed."""
        return [UUID(row[0]) for row in self.ask("SELECT awe.ds_trash()::text", ())]

    def gone(self, file_id: UUID) -> None:
        """Forget a file of the trash, after its bytes were removed."""
        self.ask("SELECT awe.ds_gone(%s::uuid)", (str(file_id),))

    def known(self, file_ids: Iterable[UUID]) -> set[UUID]:
        """Return those of the files that the database knows."""
        ids = [str(file_id) for file_id in file_ids]
        return {UUID(row[0]) for row in self.ask("SELECT awe.ds_known(%s::uuid[])::text", (ids,))}

    def sweep(self) -> None:
        """Forget expired tickets, and deleted objects that cannot come back any more."""
        self.ask(
            "SELECT awe.ds_sweep_tickets(), awe.ds_sweep_trash(), awe.ds_sweep_comments(), "
            "awe.ds_sweep_readings()",
            (),
        )

    def note(self, readings: Mapping[tuple[UUID, int], int]) -> None:
        """Keep how often files were read, by file and reader."""
        files = [str(file_id) for file_id, _ in readings]
        readers = [reader for _, reader in readings]
        self.ask(
            "SELECT awe.ds_readings(%s::uuid[], %s, %s)",
            (files, readers, list(readings.values())),
        )

    def releasing(self) -> list[str]:
        """Return the tables in which the level of objects may be due to rise."""
        return [row[0] for row in self.ask("SELECT awe.ds_releasing()::text", ())]

    def release(self, table: str, since: str, last: str, most: int) -> tuple[int, str, str] | None:
        """Raise levels of objects of a table whose proprietary period is over.

        Parameters
        ----------
        table : str
            One of those of `releasing`.
        since, last : str
            Date and id of the object after which it goes on.
        most : int
            Largest number of objects looked at.

        Returns
        -------
        tuple of (int, str, str) or None
            Number of objects raised, date and id of the last one looked at; None if there was
            none.
        """
        rows = self.ask(
            "SELECT raised, at::text, id::text FROM "
            "awe.ds_release(%s::regclass, %s::timestamp, %s::uuid, %s)",
            (table, since, last, most),
        )
        return rows[0] if rows else None

    def proof(self, ticket: bytes) -> bytes | None:
        """Return the key with which the ticket's owner expects a proof."""
        rows = self.ask("SELECT awe.ds_proof(%s)", (ticket,))
        return bytes(rows[0][0]) if rows and rows[0][0] is not None else None

    def here(self, address: str) -> None:
        """Tell everybody where the dataserver is."""
        self.ask("SELECT awe.ds_here(%s)", (address,))

    def who(self, ticket: bytes | None) -> str | None:
        """Return whose ticket this is; None if it is nobody's, a job's or for one file."""
        if ticket is None:
            return None
        name: str | None = self.ask("SELECT awe.ds_who(%s)", (ticket,))[0][0]
        return name

    def for_login(self, ticket: bytes) -> str | None:
        """Return whom a ticket for the pages would log in."""
        name: str | None = self.ask("SELECT awe.ds_for_login(%s)", (ticket,))[0][0]
        return name

    def login(self, ticket: bytes, session: bytes) -> bool:
        """Make a session of a ticket for the pages; False if it is not valid or was used."""
        return bool(self.ask("SELECT awe.ds_login(%s, %s)", (ticket, session))[0][0])

    def logout(self, session: bytes) -> None:
        """End a session."""
        self.ask("SELECT awe.ds_logout(%s)", (session,))

    def page_login(self, session: bytes, password: str) -> tuple[str, str] | None:
        """Return a login of the database for a session, and whose it is; None if it is not alive.

        The login can become that person and nobody else; only a verifier leaves this process.
        """
        statement = "SELECT login::text, person::text FROM awe.page_login(%s, %s)"
        rows = self.ask(statement, (session, self.verifier(password)))
        return (rows[0][0], rows[0][1]) if rows else None

    def page_logout(self, session: bytes) -> None:
        """Drop the login of a session, and end what it has open."""
        self.ask("SELECT awe.page_logout(%s)", (session,))

    def page_sweep(self, *, every: bool = False) -> None:
        """Drop the logins of sessions that are over; every one before the first is given."""
        self.ask("SELECT awe.page_sweep(%s)", (every,))
