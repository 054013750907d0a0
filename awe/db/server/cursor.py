"""A held server-side cursor: a result of any size, read a piece at a time.

The server keeps the result as it was when the cursor was opened, outside of any transaction, so
one may commit and query while looping. It is closed at the end of the `with` block.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from awe.db.server.connection import database
from awe.errors import DatabaseError

__all__ = ["Cursor"]

_numbers = itertools.count(1)


class Cursor:
    """A statement whose rows are fetched in chunks.

    Parameters
    ----------
    text : str
        The SELECT statement.
    values : mapping
        Values to bind.
    """

    def __init__(self, text: str, values: Mapping[str, Any]) -> None:
        self._name = f"awe_{next(_numbers)}"
        self._text = text
        self._values = values

    def __enter__(self) -> Cursor:
        with database.transaction(reading=True):
            database.execute(
                # The end of the transaction makes the server keep the whole result, policies
                # applied; no later commit closes the cursor.
                f"DECLARE {self._name} NO SCROLL CURSOR WITH HOLD FOR {self._text}", self._values
            )
        return self

    def __exit__(self, *details: object) -> None:
        if database.connected:
            try:
                database.command(f"CLOSE {self._name}")
            except DatabaseError:
                # a cursor dies with its connection, and rows already read stay read
                return

    def chunks(self, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows, at most `size` at a time."""
        while rows := database.command(f"FETCH {size:d} FROM {self._name}"):
            yield rows
