"""Who is logged in at the pages: sessions that live no longer than this process.

A browser cannot ask the dataserver for a proof, so what it holds must be worth little: the cookie
opens something only while the process that gave it lives, and reads only. Whoever takes over the
port after awe-server is gone gets a cookie that is dead when awe-server is back. Browsers send a
cookie to every port of a host, so whoever listens at another one may get it alive: on this
machine a session belongs to the account whose browser logged in, and the system says whose asks.
"""

from __future__ import annotations

import hashlib
import secrets
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

from awe.dataserver.authorisation import ticket_hash
from awe.dataserver.peer import account_of

__all__ = ["COOKIE", "Sessions", "refuse_other_sites"]

COOKIE = "awe_ticket"
#: Sessions kept; the oldest go first.
MOST = 10_000


class Sessions:
    """The sessions this process has given."""

    def __init__(self) -> None:
        #: Session to the account it belongs to, None where that is not known.
        self._known: dict[bytes, int | None] = {}

    def new(self) -> tuple[str, bytes]:
        """Return a secret for a cookie, and the hash the database may know."""
        secret = secrets.token_urlsafe(32)
        return secret, hashlib.sha256(secret.encode()).digest()

    def keep(self, number: bytes, request: Request) -> None:
        """Let a session begin, of whoever asks."""
        while len(self._known) >= MOST:
            self._known.pop(next(iter(self._known)))
        self._known[number] = _account(request)

    def end(self, number: bytes) -> None:
        """Let it end."""
        self._known.pop(number, None)

    def of(self, request: Request) -> bytes | None:
        """Return the hash of a browser's session, None if this process gave it none."""
        number = ticket_hash(request.cookies.get(COOKIE))
        if number is None or number not in self._known:
            return None
        return number if self._known[number] == _account(request) else None


def _account(request: Request) -> int | None:
    """Return which account of this machine asks, None where that is not known."""
    client, server = request.client, request.scope["server"]
    if client is None or server is None or client.host != server[0]:
        return None
    return account_of((client.host, client.port), (server[0], server[1]))


def refuse_other_sites(request: Request) -> None:
    """Raise unless a form was sent from these pages.

    Raises
    ------
    HTTPException
        403: another site sent it.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site != "same-origin" or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    ):
        raise HTTPException(403, "this form was not sent from a page of this server")
