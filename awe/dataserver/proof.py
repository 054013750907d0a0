"""How the dataserver proves that it is the one the database knows, before a ticket is shown to it.

A fixed port can be bound by any account while awe-server is away. So each new connection begins
with a question that only the real server can answer: with a key made of the ticket's secret,
which the database keeps and hands to the dataserver and to nobody else, it signs a fresh number
and the address it listens at. The address keeps a listener from passing the question on to the
real server at another port; the number keeps it from giving an old answer. The secret itself is
shown only on a connection that answered. Over https the certificate is the proof.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from typing import Protocol

import h11

from awe.errors import DataserverError

__all__ = ["PATH", "ask", "key", "sign", "ticket_number"]

PATH = "/proof"
#: Seconds for the whole answer, and most bytes of it.
PATIENCE = 15.0
LARGEST_ANSWER = 16 << 10


class Stream(Protocol):
    """A connection, as httpcore has it."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return some bytes."""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all bytes."""


def ticket_number(secret: str) -> bytes:
    """Return what names a ticket without opening anything: its hash."""
    return hashlib.sha256(secret.encode("ascii")).digest()


def key(secret: str) -> bytes:
    """Return the key that belongs to a ticket."""
    return hmac.digest(secret.encode("ascii"), b"awe: the dataserver's proof", "sha256")


def sign(of: bytes, nonce: str, address: str) -> str:
    """Return the proof for one connection to one address."""
    return hmac.digest(of, f"{nonce}\n{address}".encode(), "sha256").hex()


def ask(stream: Stream, secret: str, address: str) -> None:
    """Ask who is at the other end.

    Raises
    ------
    DataserverError
        It is not the dataserver of this database; the ticket was not shown.
    """
    nonce = secrets.token_hex(32)
    connection = h11.Connection(h11.CLIENT, LARGEST_ANSWER)
    question = h11.Request(
        method="GET",
        target=PATH,
        headers=[
            ("host", address),
            ("awe-ticket", ticket_number(secret).hex()),
            ("awe-nonce", nonce),
            ("awe-address", address),
        ],
    )
    stream.write(connection.send(question) + connection.send(h11.EndOfMessage()), PATIENCE)
    given = ""
    # Both for the whole answer: whoever answers is not trusted yet and may send for ever.
    until, left = time.monotonic() + PATIENCE, LARGEST_ANSWER
    try:
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                if left <= 0 or (wait := until - time.monotonic()) <= 0:
                    break
                data = stream.read(4096, wait)
                left -= len(data)
                connection.receive_data(data)
            elif isinstance(event, h11.ConnectionClosed):
                break
            elif isinstance(event, h11.Response):
                given = dict(event.headers).get(b"awe-proof", b"").decode("latin-1")
                if event.status_code == 503:
                    msg = f"the file server at {address} has no database now; try again"
                    raise DataserverError(msg)
    except h11.RemoteProtocolError:
        given = ""
    wanted = sign(key(secret), nonce, address)
    # In constant time: the answer must not be guessed letter by letter.
    if not hmac.compare_digest(given.encode("latin-1", "replace"), wanted.encode()):
        msg = (
            f"what answers at {address} is not the file server of your database: your ticket was "
            "not shown to it; ask the administrator for 'awe-admin start' and repeat"
        )
        raise DataserverError(msg)
