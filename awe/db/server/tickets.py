"""Tickets for the dataserver: a secret only the client knows, its hash in the database.

A ticket dies after twelve hours, or at once when its row is deleted. It is drawn when first
needed and again before it expires; nothing secret is ever stored or logged. With it goes the key
by which the dataserver proves itself, and comes back where the dataserver is.
"""

from __future__ import annotations

import secrets
import time
import uuid

from awe.dataserver import proof
from awe.db.server.connection import database
from awe.errors import ArgumentError

__all__ = ["link", "login", "server_address", "ticket"]

LIFETIME = 12 * 3600.0
RENEW_BEFORE = 3600.0
LOGIN_LIFETIME = 10 * 60.0


def ticket() -> str:
    """Return a ticket of the current user that is good for at least another hour."""
    kept = database.memory.get("ticket")
    if kept is not None and time.monotonic() < kept[1] - RENEW_BEFORE:
        secret: str = kept[0]
        return secret
    secret = secrets.token_hex(32)
    drawn = time.monotonic()
    rows = database.execute(
        "INSERT INTO awe.ticket (hash, proof) VALUES (%s, %s) "
        "RETURNING (SELECT address FROM awe.server)",
        (proof.ticket_number(secret), proof.key(secret)),
    )
    database.memory["ticket"] = (secret, drawn + LIFETIME)
    database.memory["dataserver"] = rows[0][0]
    return secret


def server_address() -> str | None:
    """Return `host:port` of the dataserver as it told the database, None if it never did."""
    if "dataserver" not in database.memory:
        rows = database.execute("SELECT address FROM awe.server")
        database.memory["dataserver"] = rows[0][0] if rows else None
    address: str | None = database.memory["dataserver"]
    return address


def login() -> str:
    """Return a ticket that logs one browser in to the pages, once, within a few minutes."""
    secret = secrets.token_urlsafe(24)
    database.execute(
        "INSERT INTO awe.ticket (hash, page, expires) "
        "VALUES (%s, 'login', now() + make_interval(secs => %s))",
        (proof.ticket_number(secret), LOGIN_LIFETIME),
    )
    return secret


def link(file: uuid.UUID, expires: int) -> str:
    """Return a ticket that opens this one file only, for that many seconds.

    Raises
    ------
    ArgumentError
        The time is not a number of seconds up to twelve hours.
    """
    if isinstance(expires, bool) or not isinstance(expires, int | float) or not (
        1 <= expires <= LIFETIME
    ):
        msg = f"expires is {expires!r}; expected 1 to {LIFETIME:.0f} seconds"
        raise ArgumentError(msg)
    secret = secrets.token_hex(32)
    database.execute(
        "INSERT INTO awe.ticket (hash, file, expires) "
        "VALUES (%s, %s, now() + make_interval(secs => %s))",
        (proof.ticket_number(secret), file, expires),
    )
    return secret
