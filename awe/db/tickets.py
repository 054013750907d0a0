"""Tickets for the dataserver: a secret only the client knows, its hash in the database.

A ticket dies after twelve hours, or at once when its row is deleted. It is drawn when first
needed and again before it expires; nothing secret is ever stored or logged.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid

from awe.db.connection import database
from awe.errors import ArgumentError

__all__ = ["link", "ticket"]

LIFETIME = 12 * 3600.0
RENEW_BEFORE = 3600.0


def ticket() -> str:
    """Return a ticket of the current user that is good for at least another hour."""
    kept = database.memory.get("ticket")
    if kept is not None and time.monotonic() < kept[1] - RENEW_BEFORE:
        secret: str = kept[0]
        return secret
    secret = secrets.token_hex(32)
    drawn = time.monotonic()
    database.execute("INSERT INTO awe.ticket (hash) VALUES (%s)", (_hash(secret),))
    database.memory["ticket"] = (secret, drawn + LIFETIME)
    return secret


def link(file: uuid.UUID, expires: int) -> str:
    """Return a ticket that opens this one file only, for that many seconds.

    Raises
    ------
    ArgumentError
        The time is no number of seconds up to twelve hours.
    """
    if isinstance(expires, bool) or not isinstance(expires, int | float) or not (
        1 <= expires <= LIFETIME
    ):
        msg = f"expires is {expires!r}; wanted 1 to {LIFETIME:.0f} seconds"
        raise ArgumentError(msg)
    secret = secrets.token_hex(32)
    database.execute(
        "INSERT INTO awe.ticket (hash, file, expires) "
        "VALUES (%s, %s, now() + make_interval(secs => %s))",
        (_hash(secret), file, expires),
    )
    return secret


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
