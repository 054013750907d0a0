"""The pages `/`, `/jobs`, `/jobs/<id>`, `/object/<class>/<id>`, `/login` and `/logout`.

Owns what is shown: the jobs of whoever is logged in (or shows a ticket), and the objects that all
the world may see. A link of `dpu.url()` or `awe-admin open` asks whether to log in, and as whom;
only the button does it, so no other site logs anybody in. Refuses scripts, frames and anything
loaded from elsewhere; what is absent and what is forbidden look the same.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from awe.dataserver.authorisation import ticket_hash
from awe.dataserver.request import in_thread, ticket_of
from awe.terminal import harmless
from awe.web import html
from awe.web.published import Published
from awe.web.sessions import COOKIE, Sessions, refuse_other_sites

__all__ = ["pages"]

_CLASS = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TICKET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_JOB = re.compile(r"[0-9]{1,15}")
#: What is shown of a job, in this order.
_COLUMNS = (
    "id", "run", "user", "recipe", "state", "done", "total", "host", "submitted", "started",
    "ended", "message",
)  # fmt: skip
PER_PAGE = 100
SESSION = 12 * 3600
HOW = (
    "<p>To see your own jobs type <code>dpu.url()</code> at the awe prompt, or "
    "<code>awe-admin open</code> in a terminal, and open the link it prints.</p>"
)


async def _home(request: Request) -> Response:
    who = await _who(request)
    body = HOW
    if who:
        body = (
            f"<p>{html.link('/jobs', 'Jobs')}: what you have submitted, newest first.</p>"
            "<form method='post' action='/logout'><button>Log out</button></form>"
        )
    body += (
        "<p>Published objects: <code>/object/CLASS/OBJECT_ID</code>; published files: "
        "<code>/FILENAME</code>.</p>"
    )
    return html.page("awe", body, who=who, headers=html.FORM_HEADERS)


async def _jobs(request: Request) -> Response:
    ticket = ticket_of(request)
    if ticket is None:
        return html.page("Jobs", f"<p>Nobody is logged in.</p>{HOW}", status=401)
    who = await _who(request)
    found = await in_thread(request, request.app.state.permits.jobs, ticket)
    if not found:
        return html.page("Jobs", "<p>No jobs to show.</p>", who=who)
    text = request.query_params.get("page", "1")
    last = -(-len(found) // PER_PAGE)
    number = min(int(text), last) if _JOB.fullmatch(text) and int(text) else 1
    part = found[(number - 1) * PER_PAGE : number * PER_PAGE]
    columns = [name for name in _COLUMNS if name in found[0]]
    rows = [[_cell(name, job) for name in columns] for job in part]
    pages = " ".join(html.link(f"/jobs?page={n}", str(n)) for n in range(1, last + 1))
    below = f"<p>Pages: {pages}</p>" if last > 1 else ""
    return html.page("Jobs", html.table(columns, rows) + below, who=who)


def _cell(name: str, job: dict[str, Any]) -> str:
    return html.link(f"/jobs/{job['id']}", str(job["id"])) if name == "id" else html.shown(
        job.get(name)
    )


async def _job(request: Request) -> Response:
    text, ticket = request.path_params["job"], ticket_of(request)
    if not _JOB.fullmatch(text) or ticket is None:
        raise HTTPException(404)
    job = await in_thread(request, request.app.state.permits.job, ticket, int(text))
    if job is None:
        raise HTTPException(404)
    body = await in_thread(request, _job_body, job)
    return html.page(f"Job {text}", body, who=await _who(request))


def _job_body(job: dict[str, Any]) -> str:
    """Return what a page tells of a job; long texts take their time, so a thread does it."""
    lines = "\n".join(map(harmless, job.pop("lines") or []))
    items = job.pop("items") or []
    body = html.listing((name, job[name]) for name in (*_COLUMNS, "args") if name in job)
    body += "<h2>Products</h2>" + html.table(
        ("item", "product", "message"),
        [[html.shown(i["item"]), _product(i), html.shown(i["message"])] for i in items],
    )
    return body + f"<h2>Log</h2><pre>{escape(lines)}</pre>"


def _product(item: dict[str, Any]) -> str:
    if not (item["class"] and item["product"]):
        return ""
    return html.link(f"/object/{item['class']}/{item['product']}", item["class"])


async def _object(request: Request) -> Response:
    name = request.path_params["class_name"]
    object_id = request.path_params["object_id"]
    if not _CLASS.fullmatch(name) or not _UUID.fullmatch(object_id):
        raise HTTPException(404)
    published: Published = request.app.state.published
    values = await in_thread(request, published.attributes, name, UUID(object_id))
    if values is None:
        raise HTTPException(404)
    rows = [[escape(v.name), _value(v), escape(v.unit), escape(v.meaning)] for v in values]
    body = html.table(("attribute", "value", "unit", "meaning"), rows)
    return html.page(f"{name} {object_id}", body, who=await _who(request))


def _value(found: Any) -> str:
    if not found.target:
        return html.shown(found.value)
    ids = found.value if isinstance(found.value, list) else [found.value]
    known = (str(each) for each in ids if each is not None)
    return " ".join(html.link(f"/object/{found.target}/{each}", each) for each in known)


async def _login(request: Request) -> Response:
    """Ask whether to log in as whom; only a real ticket for the pages gets so far."""
    link = request.query_params.get("link", "")
    who = await _owner(request, link)
    if who is None:
        raise HTTPException(404)
    before = await _who(request)
    note = f"<p>{escape(before)} is logged in now.</p>" if before and before != who else ""
    body = (
        f"<p>This link logs this browser in as <strong>{escape(who)}</strong>, once. "
        f"Go on only if that is you.</p>{note}"
        f"<form method='post' action='/login'><input type='hidden' name='link' "
        f"value='{escape(link, quote=True)}'><button>Log in as {escape(who)}</button></form>"
    )
    return html.page("Log in", body, who=before, headers=html.FORM_HEADERS)


async def _enter(request: Request) -> Response:
    refuse_other_sites(request)
    text = (await _short_body(request)).decode("latin-1")
    link = parse_qs(text, max_num_fields=5).get("link", [""])[0]
    if await _owner(request, link) is None:
        raise HTTPException(404)
    sessions, permits = request.app.state.sessions, request.app.state.permits
    secret, number = sessions.new()
    if not await in_thread(request, permits.login, ticket_hash(link), number):
        raise HTTPException(404)
    sessions.keep(number, request)
    answer = RedirectResponse("/jobs", 303, headers=html.HEADERS)
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=SESSION,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


async def _leave(request: Request) -> Response:
    refuse_other_sites(request)
    sessions = request.app.state.sessions
    if (number := sessions.of(request)) is not None:
        sessions.end(number)
        await in_thread(request, request.app.state.permits.logout, number)
    answer = RedirectResponse("/", 303, headers=html.HEADERS)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


async def _short_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > 4096:
            raise HTTPException(413, "that is more than a form of these pages holds")
    return body


async def _owner(request: Request, link: str) -> str | None:
    """Return who a ticket for the pages logs in."""
    if not _TICKET.fullmatch(link):
        return None
    asked = request.app.state.permits.for_login
    name: str | None = await in_thread(request, asked, ticket_hash(link))
    return name


async def _who(request: Request) -> str | None:
    ticket = ticket_of(request)
    if ticket is None:
        return None
    name: str | None = await in_thread(request, request.app.state.permits.who, ticket)
    return name


def pages(published: Published) -> dict[str, Any]:
    """Return what the application of the dataserver needs to have these pages."""
    sessions = Sessions()
    return {
        "routes": _ROUTES,
        "published": published,
        "sessions": sessions,
        "session_of": sessions.of,
    }


_ROUTES = [
    Route("/", _home, methods=["GET"]),
    Route("/jobs", _jobs, methods=["GET"]),
    Route("/jobs/{job}", _job, methods=["GET"]),
    Route("/object/{class_name}/{object_id}", _object, methods=["GET"]),
    Route("/login", _login, methods=["GET"]),
    Route("/login", _enter, methods=["POST"]),
    Route("/logout", _leave, methods=["POST"]),
]
