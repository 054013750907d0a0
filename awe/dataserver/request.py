"""What the handlers of the dataserver ask of a request: who, which file, and the parts behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request

from awe.dataserver.authorisation import Permits, ticket_hash
from awe.dataserver.store import Store

__all__ = ["PLAIN", "file_id_of", "in_thread", "permits_of", "store_of", "ticket_of"]

#: headers of answers that are for whoever asked alone, and are what they say
PLAIN = {"x-content-type-options": "nosniff", "cache-control": "private, no-store"}

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def ticket_of(request: Request, *, links: bool = True) -> bytes | None:
    """Return the hash of the ticket or link of a request, None for an anonymous one."""
    scheme, _, ticket = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return ticket_hash(ticket.strip())
    if not links:
        return None
    if link := request.query_params.get("link"):
        return ticket_hash(link)
    session: bytes | None = request.app.state.session_of(request)
    return session


async def in_thread(request: Request, function: Callable[..., Any], *arguments: Any) -> Any:
    """Run something that waits for the disk or the database in one of the server's threads."""
    return await anyio.to_thread.run_sync(function, *arguments, limiter=request.app.state.threads)


def file_id_of(request: Request) -> UUID:
    """Return the id in the path of a request; what is not one gets the answer of absent files."""
    text = request.path_params["file_id"]
    if not _UUID.fullmatch(text):
        raise HTTPException(404)
    return UUID(text)


def store_of(request: Request) -> Store:
    """Return the store of the files."""
    store: Store = request.app.state.store
    return store


def permits_of(request: Request) -> Permits:
    """Return who decides who may do what."""
    permits: Permits = request.app.state.permits
    return permits
