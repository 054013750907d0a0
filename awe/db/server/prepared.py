"""INSERTs of one row that a session repeats: planned by the server once instead of each time.

To plan an INSERT under row-level security takes the server about as long as to run it. A prepared
statement belongs to its connection and is planned anew by itself when the table or the role
changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["Prepared"]

#: How often a statement is sent as it is before it is prepared.
SENT = 2


class Prepared:
    """The statements of one connection that insert one row."""

    def __init__(self) -> None:
        self._uses: dict[str, int] = {}
        self._names: dict[str, str] = {}

    def ready(self, cursor: Any, sql_text: str, width: int) -> bool:
        """Return True if `insert` can be used for a statement; prepare it at its third use.

        Parameters
        ----------
        cursor : cursor
            A cursor of the connection.
        sql_text : str
            Statement `INSERT INTO t (a, b) VALUES %s`, with or without RETURNING.
        width : int
            Number of columns.
        """
        uses = self._uses.get(sql_text, 0)
        self._uses[sql_text] = uses + 1
        # Tried once: a PREPARE that is refused leaves no name, and the statement is sent plainly
        # from then on. What was prepared stays prepared, also when the transaction is undone.
        if uses == SENT:
            places = ", ".join(f"${place}" for place in range(1, width + 1))
            name = f"insert_{len(self._names)}"
            cursor.execute(f"PREPARE {name} AS {sql_text.replace('%s', f'({places})')}")
            self._names[sql_text] = name
        return sql_text in self._names

    def insert(self, cursor: Any, sql_text: str, row: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Insert one row with a statement that is ready, and return what it returns."""
        places = ", ".join(["%s"] * len(row))
        cursor.execute(f"EXECUTE {self._names[sql_text]} ({places})", row)
        return list(cursor.fetchall()) if cursor.description else []
