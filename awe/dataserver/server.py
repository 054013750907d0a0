"""The dataserver's HTTP interface.

Owns `PUT`, `GET`, `HEAD /file/<uuid>`, `POST /file/<uuid>/verify` and `GET /<filename>`. Who asks
is told by a ticket (`Authorization: Bearer`) or a short-lived link (`?link=`); the database
decides for every request anew. What is absent and what is forbidden get the same answer, byte
for byte. A client on this machine that asks for it gets the path of the file instead; whether it
can open that is up to the system. The rows of a part of an image come without the rest. Refuses
to replace a file, to take bytes that were not announced, and to guess when the database is away.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import FileIO, RawIOBase
from typing import Any
from urllib.parse import quote
from uuid import UUID

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from awe.dataserver import laid, previews, proof, repacking, rows
from awe.dataserver.authorisation import Permit, Permits
from awe.dataserver.checks import Checks
from awe.dataserver.ranges import LARGEST, matches, range_of
from awe.dataserver.readings import Readings
from awe.dataserver.request import (
    PLAIN,
    file_id_of,
    in_thread,
    permits_of,
    store_of,
    ticket_of,
)
from awe.dataserver.store import Store, Upload
from awe.errors import (
    AweError,
    ChecksumMismatch,
    DiskFull,
    FileGone,
    FileTaken,
    QuotaExceeded,
    ServiceDown,
    StoreAway,
)

__all__ = [
    "HANDLERS",
    "THREADS",
    "create_app",
    "headers_of",
    "listen",
    "plain",
    "prove",
    "send",
]

CHUNK = 1 << 20
#: Seconds an upload may take for a block, or its end: 1 MB, so 17 kB/s.
PATIENCE = 60.0
#: Threads that read and write files, or wait for the database.
THREADS = 16
#: Header of a request for the place of a file on this machine.
NEAR = "awe-near"
#: Headers of everything but files and pages, which have their own.

_SIXTY_FOUR = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:#@+=-]{0,254}")
_STATUS: dict[type[AweError], int] = {
    ChecksumMismatch: 422,
    FileTaken: 409,
    DiskFull: 507,
    QuotaExceeded: 403,
    FileGone: 410,
    ServiceDown: 503,
    StoreAway: 503,
}
_log = logging.getLogger(__name__)


def create_app(
    store: Store, permits: Permits, *, routes: Sequence[BaseRoute] = (), **state: Any
) -> Starlette:
    """Return the application; `routes` come before the route of file names.

    Parameters
    ----------
    store : Store
        Store of the files.
    permits : Permits
        Judge of who may read and write.
    routes : sequence of routes
        Routes of further pages of the same process.
    **state
        Further attributes of `app.state`, for those pages.
    """
    app = Starlette(
        routes=[
            Route(proof.PATH, prove, methods=["GET"]),
            Route("/file/{file_id}", _put, methods=["PUT"]),
            Route("/file/{file_id}", _get, methods=["GET", "HEAD"]),
            *previews.routes(),
            *laid.routes(),
            *repacking.routes(),
            Route("/file/{file_id}/verify", _verify, methods=["POST"]),
            *routes,
            # Last: it matches every path of one part, that of the proof as well.
            Route("/{filename}", _get_named, methods=["GET", "HEAD"]),
        ],
        exception_handlers=HANDLERS,
    )
    app.router.redirect_slashes = False
    app.state.store = store
    app.state.permits = permits
    app.state.previews = previews.Previews(store)
    app.state.checks = Checks()
    app.state.readings = Readings()
    app.state.addresses = ()
    app.state.session_of = lambda request: None
    app.state.threads = anyio.CapacityLimiter(THREADS)
    app.state.packing = anyio.CapacityLimiter(1)
    for name, value in state.items():
        setattr(app.state, name, value)
    return app


def listen(port: int = 0, address: str = "127.0.0.1") -> socket.socket:
    """Return a socket that listens on that port of an address, 0 for any free one."""
    # asyncio switches Nagle's delay off only where the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Old connections in TIME_WAIT do not keep a restarted server from its port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


async def _get(request: Request) -> Response:
    file_id = file_id_of(request)
    permit = await in_thread(request, permits_of(request).may_read, ticket_of(request), file_id)
    if permit is None:
        raise HTTPException(404)
    return await _read_by(request, permit)


async def _get_named(request: Request) -> Response:
    filename = request.path_params["filename"]
    if not _NAME.fullmatch(filename) or ".." in filename:
        raise HTTPException(404)
    ticket = ticket_of(request)
    found = await in_thread(request, permits_of(request).named, ticket, filename)
    for file_id in found:
        permit = await in_thread(request, permits_of(request).may_read, ticket, file_id)
        if permit is not None:
            return await _read_by(request, permit)
    raise HTTPException(404)


async def _read_by(request: Request, permit: Permit) -> Response:
    answer = await send(request, permit)
    # also where only its place is told: what is read there does not come by here
    if request.method == "GET" and answer.status_code in (200, 204, 206):
        request.app.state.readings.note(permit)
    return answer


async def prove(request: Request) -> Response:
    """Sign a number and our own address, with the key of the ticket that is named."""
    number, nonce, address = (
        request.headers.get(name, "") for name in ("awe-ticket", "awe-nonce", "awe-address")
    )
    if not (_SIXTY_FOUR.fullmatch(number) and _SIXTY_FOUR.fullmatch(nonce)):
        raise HTTPException(404)
    if address not in _own_addresses(request):
        raise HTTPException(404)
    key = await in_thread(request, permits_of(request).proof, bytes.fromhex(number))
    if key is None:
        raise HTTPException(404)
    given = {"awe-proof": proof.sign(key, nonce, address)}
    return Response(status_code=204, headers={**PLAIN, **given})


def _own_addresses(request: Request) -> set[str]:
    host, port = request.scope["server"]
    # "localhost" is another address too, where anybody may listen
    return {f"{host}:{port}", *request.app.state.addresses}


async def _verify(request: Request) -> Response:
    file_id = file_id_of(request)
    ticket = ticket_of(request)
    permit = await in_thread(request, permits_of(request).may_read, ticket, file_id)
    if permit is None:
        raise HTTPException(404)
    checks: Checks = request.app.state.checks
    if permit.health == "ok" and checks.is_fresh(file_id):
        return plain({"health": "ok"})
    with checks.turn(ticket or (request.client and request.client.host), file_id) as turn:
        health = await in_thread(
            request, store_of(request).health, file_id, permit.size, permit.sha256
        )
        turn.found(health)
    if health != permit.health:
        _log.warning("file %s is %s, was %s", file_id, health, permit.health)
        await in_thread(request, permits_of(request).mark, file_id, health)
    return plain({"health": health}, 200 if health == "ok" else 410)


async def _put(request: Request) -> Response:
    file_id = file_id_of(request)
    ticket = ticket_of(request, links=False)
    announced = _announced(request)
    filename, refusal = await in_thread(
        request, permits_of(request).may_store, ticket, file_id, announced.size
    )
    if filename is None:
        # Not reserved any more: perhaps stored by a request whose answer was lost.
        permit = await in_thread(request, permits_of(request).may_read, ticket, file_id)
        if permit is None:
            raise HTTPException(404)
        return _stored_already(permit, announced)
    # before any byte is taken, with the length that was announced
    if refusal is not None:
        raise QuotaExceeded(refusal)
    # The bytes are on disk before the row says so: no row can name a file that is not there.
    await _receive(request, file_id, announced)
    recorded = await in_thread(
        request, permits_of(request).stored, file_id, announced.size, announced.sha256
    )
    if recorded:
        _log.info("stored %s, %d bytes, as %s", file_id, announced.size, filename)
        return plain({"id": str(file_id), "sha256": announced.sha256}, 201)
    if recorded is None:
        await in_thread(request, _give_up, request, file_id)
        msg = "your other uploads took the room that your quota had; delete what you do not need"
        raise QuotaExceeded(msg)
    permit = await in_thread(request, permits_of(request).may_read, ticket, file_id)
    if permit is None:
        raise HTTPException(404)
    return _stored_already(permit, announced)


def _give_up(request: Request, file_id: UUID) -> None:
    """Forget a file that came and has no room in its owner's quota."""
    # The row before the bytes: whoever sends the same file in this moment is refused as well.
    if permits_of(request).refuse(file_id):
        store_of(request).discard(file_id)
        permits_of(request).gone(file_id)


@dataclass(frozen=True)
class _Announced:
    size: int
    sha256: str


def _announced(request: Request) -> _Announced:
    length = request.headers.get("content-length", "")
    if not re.fullmatch(r"[0-9]{1,15}", length):
        raise HTTPException(411, "Content-Length is missing; send the length of the file")
    if int(length) > LARGEST:
        raise HTTPException(413, f"{length} bytes are more than the {LARGEST} taken")
    if "transfer-encoding" in request.headers:
        msg = "Transfer-Encoding makes Content-Length void; send the length and the bytes alone"
        raise HTTPException(400, msg)
    digest = request.headers.get("content-digest", "")
    match = re.fullmatch(r"sha-256=:([A-Za-z0-9+/]{43}=):", digest)
    if match is None:
        raise HTTPException(400, "Content-Digest is missing; send sha-256=:<base64>:")
    return _Announced(int(length), base64.b64decode(match[1]).hex())


def _stored_already(permit: Permit, announced: _Announced) -> Response:
    if (permit.size, permit.sha256) == (announced.size, announced.sha256):
        return plain({"id": str(permit.file_id), "sha256": permit.sha256})
    msg = f"file {permit.file_id} is stored with other content; store yours under a new id"
    raise FileTaken(msg)


async def _receive(request: Request, file_id: UUID, announced: _Announced) -> None:
    upload: Upload = await in_thread(request, store_of(request).receive, file_id, announced.size)
    finished = False
    try:
        async for block in _blocks(request):
            await in_thread(request, upload.write, block)
        await in_thread(request, _finish, upload, announced)
        finished = True
    except TimeoutError as error:
        msg = f"less than {CHUNK >> 20} MB came in {PATIENCE:.0f} s; send it again"
        raise HTTPException(408, msg) from error
    finally:
        if not finished:
            upload.abandon()


def _finish(upload: Upload, announced: _Announced) -> None:
    upload.finish(size=announced.size, sha256=announced.sha256)


async def _blocks(request: Request) -> AsyncIterator[bytearray]:
    stream = request.stream().__aiter__()
    while True:
        gathered = bytearray()
        # For each block anew, and for a whole one: single bytes do not buy more time.
        async with asyncio.timeout(PATIENCE):
            while len(gathered) < CHUNK and (chunk := await anext(stream, None)) is not None:
                gathered += chunk
        if gathered:
            yield gathered
        if chunk is None:
            return


async def send(
    request: Request, permit: Permit, opening: Callable[[], RawIOBase] | None = None
) -> Response:
    """Return what answers a request for a file that may be read.

    Parameters
    ----------
    request : Request
        The request: whole, a range, rows, or only whether it is there.
    permit : Permit
        The file.
    opening : callable, optional
        Function that opens the file; that of the store when left out.
    """
    if permit.health != "ok":
        msg = f"file {permit.filename} is {permit.health}; ask the administrator to restore it"
        raise FileGone(msg)
    headers = headers_of(permit)
    if matches(request.headers.get("if-none-match", ""), headers["etag"]):
        return Response(status_code=304, headers=headers)
    # Opened before the status is sent: afterwards a missing file could not be told any more.
    stream = await in_thread(request, opening or partial(_opened, request, permit))
    near = isinstance(stream, FileIO) and store_of(request).near and laid.is_near(request)
    if near and request.headers.get(NEAR) == "path":
        stream.close()
        place = store_of(request).path(permit.file_id).absolute()
        return Response(status_code=204, headers={**headers, "content-location": place.as_uri()})
    if rows.HEADER in request.headers:
        return _send_rows(request, permit, stream, headers)
    part = range_of(request, permit.size, headers["etag"])
    if part is None:
        stream.close()
        return Response(
            status_code=416, headers={**headers, "content-range": f"bytes */{permit.size}"}
        )
    first, last = part
    status = 200
    if (first, last) != (0, permit.size - 1):
        status = 206
        headers["content-range"] = f"bytes {first}-{last}/{permit.size}"
    headers["content-length"] = str(last - first + 1)
    media = "image/fits" if permit.filename.endswith((".fits", ".fit")) else None
    media = media or "application/octet-stream"
    if request.method == "HEAD":
        stream.close()
        return Response(status_code=status, headers=headers, media_type=media)
    body = _read(request, stream, first, last - first + 1)
    return StreamingResponse(body, status, headers, media)


def _send_rows(
    request: Request, permit: Permit, stream: RawIOBase, headers: dict[str, str]
) -> Response:
    wanted = rows.Rows.read(request.headers[rows.HEADER])
    if wanted is None or not wanted.fits(permit.size) or request.method == "HEAD":
        stream.close()
    if wanted is None or not wanted.fits(permit.size):
        return Response(
            status_code=416, headers={**headers, "content-range": f"bytes */{permit.size}"}
        )
    headers |= {rows.HEADER: str(wanted), "content-length": str(wanted.size)}
    media = "application/octet-stream"
    if request.method == "HEAD":
        return Response(headers=headers, media_type=media)
    return StreamingResponse(_read_rows(request, stream, wanted), 200, headers, media)


async def _read_rows(
    request: Request, stream: RawIOBase, wanted: rows.Rows
) -> AsyncIterator[bytes]:
    place = 0
    store = store_of(request)
    try:
        while place < wanted.size:
            block = await in_thread(request, store.rows, stream, wanted, place, CHUNK)
            if not block:
                return
            place += len(block)
            yield block
    finally:
        stream.close()


def _opened(request: Request, permit: Permit) -> RawIOBase:
    try:
        stream = store_of(request).open(permit.file_id)
    except FileGone:
        _log.error("file %s is lost", permit.file_id)
        permits_of(request).mark(permit.file_id, "lost")
        msg = f"file {permit.filename} is lost; ask the administrator to restore it"
        raise FileGone(msg) from None
    if stream.seek(0, 2) != permit.size:
        stream.close()
        _log.error("file %s has another length than stored", permit.file_id)
        permits_of(request).mark(permit.file_id, "bad")
        msg = f"file {permit.filename} is damaged; ask the administrator to restore it"
        raise FileGone(msg)
    return stream


async def _read(
    request: Request, stream: RawIOBase, first: int, left: int
) -> AsyncIterator[bytes]:
    try:
        stream.seek(first)
        while left:
            block = await in_thread(request, stream.read, min(left, CHUNK))
            if not block:
                return
            left -= len(block)
            yield block
    finally:
        stream.close()


def headers_of(permit: Permit) -> dict[str, str]:
    """Return the headers of a file."""
    digest = base64.b64encode(bytes.fromhex(permit.sha256)).decode()
    quoted = quote(permit.filename, safe="")
    return {
        "etag": f'"{permit.sha256}"',
        "repr-digest": f"sha-256=:{digest}:",
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "x-content-type-options": "nosniff",
        "content-disposition": f"attachment; filename*=UTF-8''{quoted}",
    }


def plain(
    content: dict[str, str], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a line of JSON, the answer where no file is sent."""
    return JSONResponse(content, status, {**PLAIN, **(headers or {})})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        message = "no such file, or it is not visible to you"
        return plain({"code": "FileGone", "message": message}, 404)
    content = {"code": "DataserverError", "message": error.detail}
    return plain(content, error.status_code, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, AweError)
    status = _STATUS.get(type(error), 500)
    if status >= 500:
        _log.error("%s: %s", error.code, error)
    return plain({"code": error.code, "message": str(error)}, status)


async def _left(request: Request, error: Exception) -> Response:
    return Response(status_code=400, headers=PLAIN)


async def _broke(request: Request, error: Exception) -> Response:
    # the application's outermost layer raises it again, so that the log has the traceback
    message = "the file server met a fault of its own; its log has the details"
    return plain({"code": "Defect", "message": message}, 500)


#: What answers an error, by its class.
HANDLERS: Mapping[Any, Any] = {
    HTTPException: _refused,
    AweError: _failed,
    ClientDisconnect: _left,
    Exception: _broke,
}
