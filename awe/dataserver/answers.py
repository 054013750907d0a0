"""What a server answers, taken only as far as is sensible.

Whoever answers may be broken or hostile: an answer that should be a line of JSON is read up to a
limit of bytes and of time, and as it is sent, never unpacked; one that is a file has to come at a
pace. The size of a file is its reader's to watch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from awe.errors import (
    ChecksumMismatch,
    DataserverError,
    DiskFull,
    FileGone,
    FileTaken,
    QuotaExceeded,
)

if TYPE_CHECKING:
    import httpx

__all__ = ["GONE", "LARGEST", "not_trusted", "parts", "require", "short", "told", "too_long"]

#: Refusals that have an error of their own, by their status.
NAMED = {403: QuotaExceeded, 409: FileTaken, 422: ChecksumMismatch}
#: Bytes of an answer that is not a file, characters of its message, and seconds it may take.
LARGEST = 64 << 10
LONGEST = 500
MOMENT = 15.0
#: Bytes of a file that have to come within the patience [s].
PACE = 1 << 20
PATIENCE = 60.0
#: Status of a file that may be read and is lost or damaged.
GONE = 410


def short(answer: httpx.Response) -> bytes:
    """Return an answer that is not a file, the first 64 kB of it."""
    until = time.monotonic() + MOMENT
    content = b""
    for part in answer.iter_raw():
        content += part
        if len(content) >= LARGEST or time.monotonic() > until:
            break
    return content[:LARGEST]


def told(content: bytes) -> str:
    """Return the message in an answer; empty if there is none."""
    try:
        message = json.loads(content)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return " ".join(str(message).split())[:LONGEST]


def parts(answer: httpx.Response, name: str) -> Iterator[bytes]:
    """Yield the bytes of a file as they come.

    Raises
    ------
    DataserverError
        Less than a megabyte came in a minute; asking again is useless.
    """
    came, until = 0, time.monotonic() + PATIENCE
    for part in answer.iter_raw():
        came += len(part)
        if came >= PACE:
            came, until = 0, time.monotonic() + PATIENCE
        elif time.monotonic() > until:
            msg = (
                f"{name}: the file server sends less than {PACE >> 20} MB in {PATIENCE:.0f} s; "
                "nothing was written, ask the administrator for 'awe-admin status'"
            )
            error = DataserverError(msg)
            error.worth_another_try = False  # type: ignore[attr-defined]
            raise error
        yield part


def require(answer: httpx.Response, name: str, server: str) -> None:
    """Raise the error that a refusal means.

    Parameters
    ----------
    answer : Response
        The answer, of which nothing was read yet.
    name, server : str
        What was requested, and where, for the message.
    """
    status = answer.status_code
    if status < 400:
        return
    busy = "it has too many clients now, try again" if status == 503 else f"status {status}"
    message = told(short(answer)) or busy
    where = f"{name} at {server}"
    if status in (404, GONE):
        gone = FileGone(f"{where}: {message}")
        gone.status = status  # type: ignore[attr-defined]
        raise gone
    if status in NAMED:
        msg = f"{where}: {message}"
        raise NAMED[status](msg)
    if status == 507:
        msg = f"no space on the file server for {where}: {message}"
        raise DiskFull(msg)
    msg = f"the file server refused {where}: {message}; see 'awe-admin status'"
    refusal = DataserverError(msg)
    refusal.worth_another_try = status >= 500 or status == 408  # type: ignore[attr-defined]
    raise refusal


def not_trusted(server: str, error: Exception) -> DataserverError:
    """Return the error of a certificate that this machine does not trust; nothing was shown."""
    reason = str(error).partition("certificate verify failed: ")[2].partition(" (_ssl")[0]
    msg = (
        f"the certificate of {server} is not trusted here ({reason}): your ticket was not "
        "shown to it; name the file of its authority in SSL_CERT_FILE, or ask the administrator"
    )
    found = DataserverError(msg)
    found.worth_another_try = False  # type: ignore[attr-defined]
    return found


def too_long(name: str, server: str, size: int) -> DataserverError:
    """Return the error of an answer longer than what was stored; asking again is useless."""
    msg = (
        f"{name} from {server} is longer than the {size} bytes that were stored; "
        "nothing was written, ask the administrator for 'awe-admin status'"
    )
    error = DataserverError(msg)
    error.worth_another_try = False  # type: ignore[attr-defined]
    error.worth_going_on = False  # type: ignore[attr-defined]
    return error
