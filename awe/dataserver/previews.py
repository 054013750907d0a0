"""Previews of files: one small PNG for each, sent before the file and shown to who may read it.

Owns the folder `previews` of the store and `PUT`, `GET /file/<uuid>/preview`. A preview is
written once, by who reserved the file and before its bytes are there; it goes with the file.
What it shows is up to who sent it, as the pixels are: only that it is a small grey PNG is looked
at. It is served as a picture and as nothing else.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from awe.dataserver.request import file_id_of, in_thread, permits_of, ticket_of
from awe.fits.preview import LARGEST, is_png

if TYPE_CHECKING:
    from awe.dataserver.store import Store

__all__ = ["Previews"]

#: Seconds for all of one to come.
PATIENCE = 15.0
#: Headers of a preview: a picture, whatever its bytes say.
HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, no-cache",
}


class Previews:
    """Small pictures by the id of their file.

    Parameters
    ----------
    store : Store
        The store of the files.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.root = store.root / "previews"
        self.root.mkdir(mode=0o700, exist_ok=True)

    def path(self, file_id: UUID) -> Path:
        """Return the path of the preview of a file, whether it exists or not."""
        name = str(UUID(str(file_id)))
        return self.root / name[:2] / f"{name}.png"

    def keep(self, file_id: UUID, png: bytes) -> bool:
        """Keep a preview; False where there is one already, or it is not a small grey PNG."""
        if not is_png(png):
            return False
        self._store.keep_reserve(len(png))
        target = self.path(file_id)
        target.parent.mkdir(mode=0o700, exist_ok=True)
        part = target.with_suffix(f".{secrets.token_hex(4)}.part")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(png)
            # Not waited for until it is on disk: it can be made again.
            os.link(part, target)
        except FileExistsError:
            return False
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
        return True

    def read(self, file_id: UUID) -> bytes | None:
        """Return a preview, None if there is none that is right."""
        try:
            descriptor = os.open(self.path(file_id), os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as stream:
            png = stream.read(1 << 20)
        return png if is_png(png) else None

    def discard(self, file_id: UUID) -> None:
        """Remove the preview of a file that is gone."""
        with suppress(FileNotFoundError):
            self.path(file_id).unlink()

    def old(self, age: float) -> Iterator[UUID]:
        """Yield the ids of previews older than that [s]; what is not a preview goes."""
        limit = time.time() - age
        for path in self.root.glob("??/*"):
            with suppress(FileNotFoundError):
                if path.lstat().st_mtime > limit:
                    continue
                try:
                    yield UUID(path.name.removesuffix(".png"))
                except ValueError:
                    path.unlink()


def routes() -> list[Route]:
    """Return the routes of previews."""
    path = "/file/{file_id}/preview"
    return [
        Route(path, _put, methods=["PUT"]),
        Route(path, _get, methods=["GET", "HEAD"]),
    ]


async def _put(request: Request) -> Response:
    file_id = file_id_of(request)
    ticket = ticket_of(request, links=False)
    if await in_thread(request, permits_of(request).may_write, ticket, file_id) is None:
        raise HTTPException(404)
    png = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for block in request.stream():
                png += block
                if len(png) > LARGEST:
                    raise HTTPException(413, f"a preview has {LARGEST} bytes at most")
    except TimeoutError as error:
        raise HTTPException(408, f"it did not come in {PATIENCE:.0f} s; send it again") from error
    if not is_png(bytes(png)):
        raise HTTPException(400, "a preview is a grey PNG of at most 256 pixels a side")
    if not await in_thread(request, _previews(request).keep, file_id, bytes(png)):
        raise HTTPException(409, "the file has a preview already")
    return Response(status_code=204, headers=HEADERS)


async def _get(request: Request) -> Response:
    file_id = file_id_of(request)
    permit = await in_thread(request, permits_of(request).may_read, ticket_of(request), file_id)
    png = await in_thread(request, _previews(request).read, file_id) if permit else None
    if png is None:
        raise HTTPException(404)
    headers = {**HEADERS, "etag": f'"{permit.sha256}-preview"'}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(png, headers=headers, media_type="image/png")


def _previews(request: Request) -> Previews:
    previews: Previews = request.app.state.previews
    return previews
