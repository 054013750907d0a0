"""The pages `/jobs`, `/object/<class>/<id>` and `/login`.

Owns plain HTML made of escaped text: the jobs of whoever shows a ticket, and the objects that
all the world may see, read as the user `anonymous`. Refuses scripts, frames and anything loaded
from elsewhere; what is absent and what is forbidden look the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from awe.dataserver.server import in_thread, ticket_of
from awe.terminal import harmless

__all__ = ["routes"]

_CLASS = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TICKET = re.compile(r"[A-Za-z0-9_-]{1,256}")
#: What is shown of a job, in this order.
_COLUMNS = (
    "id", "run", "user", "recipe", "state", "done", "total", "host", "submitted", "started",
    "ended", "message",
)  # fmt: skip
_STYLE = (
    "body{font:15px/1.4 sans-serif;margin:2em;max-width:70em}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left;"
    "border-bottom:1px solid #ccc;vertical-align:top}th{color:#555}"
)
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "cache-control": "private, no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


async def _jobs(request: Request) -> Response:
    ticket = ticket_of(request)
    if ticket is None:
        words = "Nobody is logged in. Ask the prompt for a link to this page."
        return _page("Jobs", f"<p>{words}</p>", status=401)
    found = await in_thread(request, request.app.state.permits.jobs, ticket)
    if not found:
        return _page("Jobs", "<p>No jobs to show.</p>")
    columns = [name for name in _COLUMNS if name in found[0]]
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_shown(job.get(name))}</td>" for name in columns) + "</tr>"
        for job in found
    )
    return _page("Jobs", f"<table><tr>{head}</tr>{body}</table>")


async def _object(request: Request) -> Response:
    name = request.path_params["class_name"]
    object_id = request.path_params["object_id"]
    if not _CLASS.fullmatch(name) or not _UUID.fullmatch(object_id):
        raise HTTPException(404)
    values = await in_thread(request, request.app.state.world.attributes, name, UUID(object_id))
    if values is None:
        raise HTTPException(404)
    return _page(f"{name} {object_id}", _listing(values.items()))


async def _login(request: Request) -> Response:
    link = request.query_params.get("link", "")
    if not _TICKET.fullmatch(link):
        raise HTTPException(404)
    answer = RedirectResponse("/jobs", 303, headers=_HEADERS)
    answer.set_cookie(
        "awe_ticket",
        link,
        max_age=12 * 3600,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


def _listing(items: Iterable[tuple[str, Any]]) -> str:
    rows = (f"<tr><th>{escape(name)}</th><td>{_shown(value)}</td></tr>" for name, value in items)
    return f"<table>{''.join(rows)}</table>"


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return _listing(value.items())
    return escape("" if value is None else harmless(str(value)))


def _page(title: str, body: str, *, status: int = 200) -> Response:
    text = (
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}"
        f"</title><style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    return HTMLResponse(text, status, headers=_HEADERS)


#: The pages, for the application of the dataserver.
routes = [
    Route("/jobs", _jobs, methods=["GET"]),
    Route("/object/{class_name}/{object_id}", _object, methods=["GET"]),
    Route("/login", _login, methods=["GET"]),
]
