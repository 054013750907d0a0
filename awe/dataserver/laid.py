"""Files that a client of this machine lays into the store, instead of sending them.

Owns `GET /incoming`, which tells where uploads are gathered, and `POST /laid`, which takes up what
is there. That folder has mode 0700: only this account can lay a file. Everything else is as with
what is sent: the id was reserved by whose ticket is shown, and the bytes are read, hashed and on
disk before the database hears of them. A file is taken as it is only while nobody can change it:
one plain file of this account with no second name, made read-only, which no process has open for
writing. What is not taken stays where it is, for the client to send.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from awe.dataserver.attested import attest, is_let_alone
from awe.dataserver.laying import LOOPBACK, part_name
from awe.dataserver.request import PLAIN, in_thread, permits_of, store_of, ticket_of
from awe.dataserver.store import Store
from awe.errors import AweError, FileGone

__all__ = ["Laid", "is_near", "routes", "take_up"]

#: Most files of one request, bytes of its body, and seconds it may take to come.
MOST = 64
LARGEST = 16 << 20
PATIENCE = 15.0

_log = logging.getLogger(__name__)
_MARK = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Laid:
    """A file that is said to be in `incoming`, and its preview."""

    file_id: UUID
    mark: str
    png: bytes = b""

    @classmethod
    def of(cls, told: Any) -> Laid:
        """Return what a request says of one file.

        Raises
        ------
        ValueError
            It says nothing of the kind.
        """
        if not isinstance(told, dict) or not _MARK.fullmatch(str(told.get("mark"))):
            msg = "mark"
            raise ValueError(msg)
        png = base64.b64decode(str(told.get("preview", "")), validate=True)
        return cls(UUID(str(told.get("id"))), str(told["mark"]), png)


@dataclass(frozen=True, kw_only=True)
class _Upload:
    """What `Store.place` asks of an upload."""

    file_id: UUID
    path: Path
    sha256: str


def take_up(store: Store, laid: Laid) -> tuple[int, str]:
    """Put a laid file under its id and return its size and SHA-256.

    Raises
    ------
    FileGone
        It is not there, or not one that nobody can change.
    FileTaken
        The id has other content.
    DiskFull
        It would eat into the reserve.
    """
    path = store.incoming / part_name(laid.file_id, laid.mark)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        msg = f"file {laid.file_id} was not laid into {store.incoming}: {error.strerror}; send it"
        raise FileGone(msg) from error
    with FileIO(descriptor, "rb") as stream:
        _require_alone(descriptor, laid.file_id)
        # the client has taken the space already; what is kept in reserve is not for it
        store.keep_reserve(0)
        status = os.fstat(descriptor)
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        attest(descriptor, sha256, status)
        store.sync(stream)
        store.place(_Upload(file_id=laid.file_id, path=path, sha256=sha256))  # type: ignore[arg-type]
    return status.st_size, sha256


def _require_alone(descriptor: int, file_id: UUID) -> None:
    """Refuse a file that somebody may still change; leave it read-only."""
    status = os.fstat(descriptor)
    plain = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
    if not plain or status.st_nlink != 1:
        msg = f"file {file_id} as it was laid is not a plain file with one name; send it"
        raise FileGone(msg)
    # from here on nobody can open it for writing: the mode, and the folder, are closed
    os.fchmod(descriptor, 0o400)
    if not is_let_alone(descriptor):
        msg = f"file {file_id} as it was laid is still being written; send it"
        raise FileGone(msg)


def is_near(request: Request) -> bool:
    """Return True if who asks is on this machine."""
    return request.client is not None and request.client.host in LOOPBACK


def routes() -> list[Route]:
    """Return the routes of laid files."""
    return [
        Route("/incoming", _tell, methods=["GET"]),
        Route("/laid", _take, methods=["POST"]),
    ]


async def _tell(request: Request) -> Response:
    ticket = ticket_of(request, links=False)
    if not store_of(request).near or not is_near(request) or ticket is None:
        raise HTTPException(404)
    # any ticket that is good, that of a job too, which is nobody's for the pages
    if await in_thread(request, permits_of(request).proof, ticket) is None:
        raise HTTPException(404)
    place = store_of(request).incoming.absolute()
    return Response(status_code=204, headers={**PLAIN, "content-location": place.as_uri()})


async def _take(request: Request) -> Response:
    if not is_near(request):
        raise HTTPException(404)
    wanted = await _told(request)
    permits, store = permits_of(request), store_of(request)
    ticket = ticket_of(request, links=False)
    ids = [one.file_id for one in wanted]
    may: set[UUID] = await in_thread(request, permits.may_write_some, ticket, ids)
    found: dict[UUID, dict[str, Any]] = {}
    taken: dict[UUID, tuple[int, str]] = {}

    async def take(one: Laid) -> None:
        try:
            if one.png:
                await in_thread(request, request.app.state.previews.keep, one.file_id, one.png)
            taken[one.file_id] = await in_thread(request, take_up, store, one)
        except AweError as error:
            found[one.file_id] = {"code": error.code, "message": str(error)}

    async with anyio.create_task_group() as group:
        for one in wanted:
            if one.file_id in may:
                group.start_soon(take, one)
    # The bytes of all are on disk before a row says so, as with a file that is sent.
    recorded: set[UUID] = await in_thread(request, permits.stored_some, taken)
    for file_id in recorded:
        size, sha256 = taken[file_id]
        found[file_id] = {"size": size, "sha256": sha256}
        _log.info("stored %s, %d bytes, laid", file_id, size)
    answer = {str(one): found.get(one, {"code": "FileGone"}) for one in ids}
    return JSONResponse(answer, headers=PLAIN)


async def _told(request: Request) -> list[Laid]:
    body = bytearray()
    try:
        with anyio.fail_after(PATIENCE):
            async for block in request.stream():
                body += block
                if len(body) > LARGEST:
                    raise HTTPException(413, f"a request has {LARGEST} bytes at most")
        told = json.loads(body)
        wanted = [Laid.of(one) for one in told] if isinstance(told, list) else []
    except TimeoutError as error:
        raise HTTPException(408, f"it did not come in {PATIENCE:.0f} s; send it again") from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "a list of files is expected, each with id and mark") from error
    if not 0 < len(wanted) <= MOST or len(_ids(wanted)) < len(wanted):
        raise HTTPException(400, f"1 to {MOST} different files are taken at a time")
    return wanted


def _ids(wanted: Iterable[Laid]) -> set[UUID]:
    return {one.file_id for one in wanted}
