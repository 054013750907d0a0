"""`database` as scripts of Astro-WISE use it, on awe's connection: reading, under one's rights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import awe
from awe.db.server import scope
from awe.db.server.connection import database as ours
from awe.errors import SchemaMismatch
from awe_astrowise.names import NotInAwe

__all__ = ["Cursor", "database"]

READING = ("select", "with", "values", "table", "show", "explain")
WRITING = (
    "statements of SQL only read here; make objects and commit() them, change them by context, "
    "or use psql with your own password"
)


class Cursor:
    """A cursor that reads, with the rows of one statement."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._place = 0

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Cursor:
        """Run a statement in a transaction that cannot write.

        Parameters
        ----------
        sql : str
            One SELECT; tables are `awe.raw_science_frame` and so on, rights those of the session.
        parameters : sequence or mapping
            Values for places `%s` or `%(name)s`.

        Raises
        ------
        NotInAwe
            The statement is not one that reads.
        """
        words = sql.split(None, 1)
        if not words or words[0].lower().strip("(;") not in READING:
            msg = f"{(words or ['an empty text'])[0]!r}: {WRITING}"
            raise NotInAwe(msg)
        scope.current()  # logs in if nobody has
        with ours.transaction(reading=True):
            ours.execute("SET TRANSACTION READ ONLY")
            self._rows = self._sent(sql, parameters)
        self._place = 0
        return self

    def _sent(self, sql: str, parameters: Any) -> list[tuple[Any, ...]]:
        try:
            return ours.execute(sql, parameters or None)
        except SchemaMismatch as error:
            about = str(error.__cause__).splitlines()[0]
            msg = f"{about}; tables are called as classes are: awe.raw_science_frame, awe.chip"
            raise NotInAwe(msg) from None

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, None after the last one."""
        rows = self.fetchmany(1)
        return rows[0] if rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """Return at most `size` of the rows that are left."""
        rows = self._rows[self._place : self._place + size]
        self._place += len(rows)
        return rows

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows that are left."""
        return self.fetchmany(len(self._rows))

    @property
    def rowcount(self) -> int:
        """Number of rows of the statement."""
        return len(self._rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchall())

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the rows."""
        self._rows, self._place = [], 0


class AstroWiseDatabase:
    """The connection of this thread."""

    def connected(self) -> bool:
        """Return True if this thread holds a connection."""
        return ours.connected

    def connect(self, profile: Any = None) -> None:
        """Log in: as the profile says, or as configured."""
        from awe_astrowise.profiles import profiles

        profile = profile or profiles.get_current_profile()
        keys = {}
        if profile is not None and profile.username:
            keys = {"database_user": profile.username, "database_password": profile.password}
        awe.connect(**keys)

    def disconnect(self) -> None:
        """Close this thread's connection."""
        ours.close()

    close = disconnect

    def cursor(self) -> Cursor:
        """Return a cursor that reads."""
        return Cursor()

    def execute_select(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT."""
        return Cursor().execute(sql, parameters).fetchall()

    def execute_insert(self, sql: str, *parameters: Any) -> None:
        """Refuse: rows are written by `commit()`."""
        msg = f"database.execute_insert: {WRITING}"
        raise NotInAwe(msg)

    execute_update = execute_delete = execute_insert

    def commit(self) -> None:
        """Do nothing: each command of awe is stored when it ends."""

    rollback = commit

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(ours, name)


database = AstroWiseDatabase()
