"""The style and the script of the pages, and nothing else of the disk."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

__all__ = ["asset"]

FILES = {"pages.css": "text/css", "pages.js": "text/javascript"}
HEADERS = {"x-content-type-options": "nosniff", "cache-control": "public, max-age=300"}


async def asset(request: Request) -> Response:
    """Return one of the files a page loads."""
    name = request.path_params["name"]
    if name not in FILES:
        raise HTTPException(404)
    content, tag = _read(name)
    headers = {**HEADERS, "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=FILES[name])


@cache
def _read(name: str) -> tuple[bytes, str]:
    content = (Path(__file__).parent / "static" / name).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:16]}"'
