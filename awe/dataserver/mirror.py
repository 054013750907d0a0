"""A second dataserver: a read-through cache in front of the first, on a machine near its readers.

Owns what is asked of whom. Who may read is decided by the database, for every request anew, as at
the first. What is not here yet is fetched from the first with the asker's own ticket, compared
with its checksum, and kept under it up to a size limit; of a header or a cutout the bytes alone
go through. While the first does not answer, what is here is still served. Nothing is stored, no
file is marked and none is cleared here: a copy that rotted is dropped.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from contextlib import closing, suppress
from io import FileIO, RawIOBase
from pathlib import Path
from threading import Lock
from typing import Any

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from awe.dataserver import proof, server
from awe.dataserver.authorisation import Permit, Permits
from awe.dataserver.cache import Cache
from awe.dataserver.checks import Checks
from awe.dataserver.client import Client
from awe.dataserver.previews import HEADERS
from awe.dataserver.ranges import range_of
from awe.dataserver.readings import Readings
from awe.dataserver.request import file_id_of, in_thread, permits_of, ticket_of
from awe.dataserver.rows import HEADER as ROWS
from awe.dataserver.rows import Rows
from awe.errors import DataserverError, ServiceDown

__all__ = ["Mirror", "create_app"]

#: Files fetched at a time, and seconds somebody waits for one before being sent to the first.
AT_ONCE = 8
PATIENCE = 8.0
#: Bytes of a beginning that is passed on without the rest of its file.
BEGINNING = 1 << 20

_log = logging.getLogger(__name__)


class Mirror:
    """What is kept here of another dataserver's files.

    Parameters
    ----------
    first : str
        Address of that dataserver.
    cache : Cache
        Where files are kept.
    scratch : Path
        Folder for files on their way.
    """

    near = False

    def __init__(self, first: str, cache: Cache, scratch: Path) -> None:
        self.first = first
        self.cache = cache
        self.scratch = scratch
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in scratch.iterdir():
            # of one that was killed
            left.unlink()
        self._workers = ThreadPoolExecutor(AT_ONCE, "fetch")
        self._under_way: dict[str, Future[None]] = {}
        self._lock = Lock()

    def rows(self, stream: RawIOBase, wanted: Rows, place: int, most: int) -> bytes:
        """Return bytes of stretches of an open file; see `Rows.block`."""
        return wanted.block(stream.fileno(), place, most)

    def opened(self, permit: Permit, ticket: str | None) -> RawIOBase:
        """Return a stream of a file, fetched first if it is not here.

        Parameters
        ----------
        permit : Permit
            The file.
        ticket : str or None
            Secret of whoever asks.

        Raises
        ------
        ServiceDown
            It is not here, and the first does not give it, or not soon.
        """
        if not self.cache.has(permit.sha256, permit.size):
            self._wait_for(permit, ticket)
        try:
            stream = FileIO(self.cache.path(permit.sha256), "rb")
            # when it was used last
            os.utime(stream.fileno())
            return stream
        except FileNotFoundError:
            msg = f"{permit.filename} has no room here; ask the dataserver at {self.first}"
            raise ServiceDown(msg) from None

    def passed_on(
        self, permit: Permit, ticket: str | None, ask: Callable[[Client], bytes]
    ) -> bytes:
        """Return an answer of the first that is not kept."""
        with closing(self._client(ticket)) as client:
            try:
                return ask(client)
            except DataserverError as error:
                msg = f"{permit.filename} is not here, and {error}"
                raise ServiceDown(msg) from error

    def check(self, permit: Permit) -> bool:
        """Read a copy again and drop it where it is not right; True if it was right or none."""
        if not self.cache.has(permit.sha256, permit.size):
            return True
        return self.cache.give(permit.sha256, permit.size, _Nowhere())

    def close(self) -> None:
        """End what is fetched."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _wait_for(self, permit: Permit, ticket: str | None) -> None:
        # One fetches for all: whoever may read it has been asked of the database for each.
        with self._lock:
            fetching = self._under_way.get(permit.sha256)
            if fetching is None:
                fetching = self._workers.submit(self._fetch, permit, ticket)
                self._under_way[permit.sha256] = fetching
        try:
            fetching.result(PATIENCE)
        except TooLong:
            msg = f"{permit.filename} is on its way from {self.first}; ask there, or in a moment"
            raise ServiceDown(msg) from None

    def _fetch(self, permit: Permit, ticket: str | None) -> None:
        target = self.scratch / secrets.token_hex(8)
        try:
            with closing(self._client(ticket)) as client:
                client.get(permit.file_id, target, sha256=permit.sha256, size=permit.size)
            self.cache.take(target, permit.sha256, permit.size, move=True)
        except DataserverError as error:
            msg = f"{permit.filename} is not here, and {error}"
            raise ServiceDown(msg) from error
        finally:
            with suppress(FileNotFoundError):
                target.unlink()
            with self._lock:
                self._under_way.pop(permit.sha256, None)

    def _client(self, ticket: str | None) -> Client:
        return Client(self.first, lambda: ticket)


class _Nowhere:
    """Takes bytes that are only compared."""

    def write(self, block: bytes) -> None:
        """Take bytes."""

    def empty(self) -> None:
        """Begin anew."""


def create_app(mirror: Mirror, permits: Permits, addresses: tuple[str, ...] = ()) -> Starlette:
    """Return the application of a second dataserver.

    Parameters
    ----------
    mirror : Mirror
        What is kept here.
    permits : Permits
        Judge of who may read.
    addresses : tuple of str
        Names and ports under which it is reached, apart from its own.
    """
    app = Starlette(
        routes=[
            Route(proof.PATH, server.prove, methods=["GET"]),
            Route("/file/{file_id}", _get, methods=["GET", "HEAD"]),
            Route("/file/{file_id}", _not_here, methods=["PUT"]),
            Route("/file/{file_id}/preview", _preview, methods=["GET", "HEAD"]),
            Route("/file/{file_id}/preview", _not_here, methods=["PUT"]),
            Route("/file/{file_id}/verify", _verify, methods=["POST"]),
        ],
        exception_handlers=server.HANDLERS,
    )
    app.router.redirect_slashes = False
    app.state.store = mirror
    app.state.permits = permits
    app.state.checks = Checks()
    app.state.readings = Readings()
    app.state.addresses = addresses
    app.state.session_of = lambda request: None
    app.state.threads = anyio.CapacityLimiter(server.THREADS + AT_ONCE)
    return app


async def _permit(request: Request) -> Permit:
    permit: Permit | None = await in_thread(
        request, permits_of(request).may_read, ticket_of(request, links=False), file_id_of(request)
    )
    if permit is None:
        raise HTTPException(404)
    return permit


async def _get(request: Request) -> Response:
    permit = await _permit(request)
    if request.method == "GET":
        request.app.state.readings.note(permit)
    mirror, ticket = _mirror(request), _secret(request)
    small = None if mirror.cache.has(permit.sha256, permit.size) else _small(request, permit)
    if small is None or request.method == "HEAD":
        return await server.send(request, permit, lambda: mirror.opened(permit, ticket))
    content = await in_thread(request, mirror.passed_on, permit, ticket, small)
    headers = server.headers_of(permit)
    if ROWS in request.headers:
        return Response(content, 200, {**headers, ROWS: request.headers[ROWS]})
    span = f"bytes 0-{len(content) - 1}/{permit.size}"
    return Response(content, 206, {**headers, "content-range": span})


def _small(request: Request, permit: Permit) -> Callable[[Client], bytes] | None:
    """Return how to request a few bytes of a file, None where the file is to come here."""
    name, sha256 = permit.filename, permit.sha256
    if ROWS in request.headers:
        wanted = Rows.read(request.headers[ROWS])
        if wanted is None or not wanted.fits(permit.size):
            return None
        return lambda client: client.rows(permit.file_id, name, sha256=sha256, rows=wanted)
    span = range_of(request, permit.size, f'"{sha256}"')
    if span is None or span[0] or span[1] >= min(BEGINNING, permit.size - 1):
        return None
    length = span[1] + 1
    return lambda client: client.beginning(permit.file_id, name, sha256=sha256, length=length)


async def _preview(request: Request) -> Response:
    permit = await _permit(request)
    png = await in_thread(
        request, _mirror(request).passed_on, permit, _secret(request),
        lambda client: client.preview(permit.file_id, permit.filename),
    )  # fmt: skip
    return Response(png, headers=HEADERS, media_type="image/png")


async def _verify(request: Request) -> Response:
    permit = await _permit(request)
    mirror, checks = _mirror(request), request.app.state.checks
    with checks.turn(ticket_of(request, links=False) or _host(request), permit.file_id):
        right = await in_thread(request, mirror.check, permit)
    if not right:
        _log.warning("the copy of file %s was damaged, and is dropped", permit.file_id)
    return server.plain({"health": "ok"})


async def _not_here(request: Request) -> Response:
    raise HTTPException(405, f"files are stored at {_mirror(request).first}")


def _secret(request: Request) -> str | None:
    scheme, _, ticket = request.headers.get("authorization", "").partition(" ")
    return ticket.strip() if scheme.lower() == "bearer" and ticket.isascii() else None


def _host(request: Request) -> Any:
    return request.client and request.client.host


def _mirror(request: Request) -> Mirror:
    mirror: Mirror = request.app.state.store
    return mirror
