"""The database server as a session sees it: connection, transactions, who asks, and from where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.db.server.connection import Database, database
    from awe.db.server.cursor import Cursor
    from awe.db.server.interrupts import interrupts_deferred
    from awe.db.server.outcome import Doubt
    from awe.db.server.scope import Scope, using
    from awe.db.server.tickets import ticket

__all__ = [
    "Cursor",
    "Database",
    "Doubt",
    "Scope",
    "database",
    "interrupts_deferred",
    "ticket",
    "using",
]

face(__name__)
