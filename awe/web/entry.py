"""The pages `/`, `/login`, `/logout` and `/scope`: who is here, and in which project.

A link of `dpu.url()` or `awe-admin open` asks whether to log in, and as whom; only the button does
it, so no other site logs anybody in.
"""

from __future__ import annotations

import re
from dataclasses import replace

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awe.context import context
from awe.dataserver.authorisation import ticket_hash
from awe.dataserver.request import in_thread
from awe.db.rights import projects
from awe.db.server import scope
from awe.web import html
from awe.web.sessions import COOKIE
from awe.web.view import Look, form_of

__all__ = ["USED", "choose_project", "enter", "home", "leave", "login"]

#: Seconds a browser keeps the cookie of a session.
SESSION = 12 * 3600
USED = "This link was used already, or is older than ten minutes."
_TICKET = re.compile(r"[A-Za-z0-9_-]{1,256}")


def home(look: Look) -> Response:
    """Return the page that says who is here and where one can go."""
    if not look.visitor.known:
        return look.page("home.html", title="awe")
    return look.page(
        "home.html",
        title="awe",
        full_name=context.get_current_user().full_name,
        manages=any(one.is_manager for one in projects.my_projects()),
        projects=[one.name for one in projects.my_projects() if not one.is_query_only],
    )


def choose_project(look: Look) -> Response:
    """Work in another project from now on."""
    before = scope.current()
    place = context.set_project(look.form.get("project", ""))
    # what holds for this thread was set; what the visitor makes next is in it too
    look.visitor.scope = replace(scope.current(), privileges=before.privileges)
    return look.there("/", f"project {place.project} from now on")


async def login(request: Request) -> Response:
    """Ask whether to log in as whom; only a real ticket for the pages gets so far."""
    link = request.query_params.get("link", "")
    who = await _owner(request, link)
    if who is None:
        raise HTTPException(404)
    visitors = request.app.state.visitors
    before = await in_thread(request, visitors.of, request.app.state.session_of(request))
    return html.page(
        "login.html", title="Log in", who=who, link=link, visitor=before, path="/login", note="",
        before=before.name if before.name != who else "",
    )  # fmt: skip


async def enter(request: Request) -> Response:
    """Log in: the link is used up, a cookie is set."""
    link = (await form_of(request)).get("link", "")
    if await _owner(request, link) is None:
        raise HTTPException(404)
    sessions, permits = request.app.state.sessions, request.app.state.permits
    secret, number = sessions.new()
    if not await in_thread(request, permits.login, ticket_hash(link), number):
        raise HTTPException(404)
    sessions.keep(number, request)
    answer = RedirectResponse("/", 303, headers=html.HEADERS)
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=SESSION,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


def leave(look: Look) -> Response:
    """Log out: the session is over, and its login is dropped."""
    state = look.request.app.state
    number = look.visitor.session
    if number is not None:
        state.sessions.end(number)
        state.permits.logout(number)
        state.visitors.forget(number)
    answer = look.there("/")
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


async def _owner(request: Request, link: str) -> str | None:
    """Return who a ticket for the pages logs in."""
    if not _TICKET.fullmatch(link):
        return None
    asked = request.app.state.permits.for_login
    name: str | None = await in_thread(request, asked, ticket_hash(link))
    return name
