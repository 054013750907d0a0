"""Stored files turned from one form into the other, packed or as they came, while others read.

Owns the order of the steps: the new form is complete, compared with the checksum and on disk
before the old one goes. Who reads meanwhile reads on; a crash leaves a file as it was, or there
twice. Owns `POST /file/<uuid>/pack` as well, for whoever stored the file, one at a time.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from uuid import UUID

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from awe.dataserver.packed import pack as written
from awe.dataserver.request import PLAIN, file_id_of, in_thread, permits_of, store_of, ticket_of
from awe.dataserver.store import CHUNK, Store
from awe.errors import ArgumentError

__all__ = ["is_packed", "pack", "routes", "unpack"]


def is_packed(store: Store, file_id: UUID) -> bool:
    """Return True if a file is there packed."""
    plain, packed = store.forms(file_id)
    return packed.exists() and not plain.exists()


def pack(store: Store, file_id: UUID, sha256: str) -> int:
    """Keep a file packed from now on, and return the bytes that saves; 0 where it would not.

    Parameters
    ----------
    store : Store
        The files.
    file_id : UUID
        The file.
    sha256 : str
        SHA-256 of the file.

    Raises
    ------
    ChecksumMismatch
        It is damaged, or would not come back as it is; it stays as it is.
    FileGone
        There is no such file.
    DiskFull
        There is no room for both forms.
    ArgumentError
        The files are not in a folder of this machine.
    """
    _require_folder(store)
    if is_packed(store, file_id):
        return 0
    store.open(file_id).close()
    plain, packed = store.forms(file_id)
    size = plain.stat().st_size
    store.keep_reserve(size)
    part = store.incoming / f"{file_id}.{secrets.token_hex(8)}.part"
    try:
        if not written(plain, part, sha256):
            return 0
        part.chmod(0o400)
        saved = size - part.stat().st_size
        _synchronised(part)
        part.replace(packed)
        store.sync_folder(packed.parent)
        plain.unlink()
        store.sync_folder(plain.parent)
    finally:
        part.unlink(missing_ok=True)
    return saved


def unpack(store: Store, file_id: UUID, sha256: str) -> bool:
    """Keep a packed file as it came again; False where it is not packed.

    Parameters
    ----------
    store : Store
        The files.
    file_id : UUID
        The file.
    sha256 : str
        SHA-256 of the file.

    Raises
    ------
    ChecksumMismatch, FileGone
        It is damaged; it stays as it is.
    DiskFull
        There is no room for both forms.
    ArgumentError
        The files are not in a folder of this machine.
    """
    _require_folder(store)
    if not is_packed(store, file_id):
        return False
    _, packed = store.forms(file_id)
    with store.open(file_id) as stream:
        upload = store.receive(file_id, stream.seek(0, os.SEEK_END))
        stream.seek(0)
        try:
            while block := stream.read(CHUNK):
                upload.write(block)
            upload.finish(size=upload.announced, sha256=sha256)
        finally:
            upload.abandon()
    packed.unlink()
    store.sync_folder(packed.parent)
    return True


def _require_folder(store: Store) -> None:
    if not store.near:
        msg = (
            f"the files are at {store.url}; only those in a folder of this machine are packed: "
            "awe-admin store move home"
        )
        raise ArgumentError(msg)


def _synchronised(path: Path) -> None:
    with path.open("rb", buffering=0) as stream:
        os.fsync(stream.fileno())


def routes() -> list[Route]:
    """Return the route."""
    return [Route("/file/{file_id}/pack", _pack, methods=["POST"])]


async def _pack(request: Request) -> Response:
    file_id = file_id_of(request)
    ticket = ticket_of(request, links=False)
    permits = permits_of(request)
    permit = await in_thread(request, permits.may_read, ticket, file_id)
    if permit is None or not await in_thread(
        request, permits.is_creator, ticket, file_id, permit.filename
    ):
        raise HTTPException(404)
    store = store_of(request)
    if not store.near:
        raise HTTPException(400, f"files at {store.url} are not packed")
    saved = await anyio.to_thread.run_sync(
        pack, store, file_id, permit.sha256, limiter=request.app.state.packing
    )
    return JSONResponse({"saved": saved}, headers=PLAIN)
