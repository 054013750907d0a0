"""Who is logged in at the pages: sessions that live no longer than this process.

A browser cannot ask the dataserver for a proof, so what it holds must be worth little: the cookie
opens something only while the process that gave it lives, and reads only. Whoever takes over the
port after awe-server is gone gets a cookie that is dead when awe-server is back.
"""

from __future__ import annotations

import hashlib
import secrets
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

from awe.dataserver.permits import ticket_hash

__all__ = ["COOKIE", "Sessions", "refuse_other_sites"]

COOKIE = "awe_ticket"
#: Sessions kept; the oldest go first.
MOST = 10_000


class Sessions:
    """The sessions this process has given."""

    def __init__(self) -> None:
        self._known: dict[bytes, None] = {}

    def new(self) -> tuple[str, bytes]:
        """Return a secret for a cookie, and the hash the database may know."""
        secret = secrets.token_urlsafe(32)
        return secret, hashlib.sha256(secret.encode()).digest()

    def keep(self, number: bytes) -> None:
        """Let a session begin."""
        while len(self._known) >= MOST:
            self._known.pop(next(iter(self._known)))
        self._known[number] = None

    def end(self, number: bytes) -> None:
        """Let it end."""
        self._known.pop(number, None)

    def of(self, request: Request) -> bytes | None:
        """Return the hash of a browser's session, None if this process gave none."""
        number = ticket_hash(request.cookies.get(COOKIE))
        return number if number in self._known else None


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
