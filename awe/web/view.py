"""What every page does: who looks, as whom the database is asked, and what a form must carry.

A view is a function of a `Look`; it runs in a thread in which the database is asked as the
visitor. A form that changes something comes from a page of this server and carries the visitor's
token, or nothing happens. Errors become pages where a browser asks, and stay lines of JSON for
programs; what is absent and what is forbidden look the same.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awe.dataserver.request import ticket_of
from awe.errors import AweError, DatabaseError, JobUnknown, NotFound, Refused, ServiceDown
from awe.web import html
from awe.web.sessions import refuse_other_sites
from awe.web.visitors import Visitor, Visitors

__all__ = ["Look", "form_of", "polite", "view"]

#: Bytes of a form, and its fields.
LARGEST = 16_384
FIELDS = 200
#: Status of what a page cannot do, by the error; all others are a mistake in what was asked.
_STATUS: dict[type[AweError], int] = {
    Refused: 403, NotFound: 404, JobUnknown: 404, ServiceDown: 503, DatabaseError: 503,
}  # fmt: skip
ABSENT = "There is no such thing, or it is not visible to you."
TOO_LONG = "that takes longer than a page may: narrow it, or ask at the prompt"


@dataclass(kw_only=True)
class Look:
    """One look at a page.

    Attributes
    ----------
    request : Request
        What was asked.
    visitor : Visitor
        Who asks.
    form : mapping
        Fields of the form that was sent; empty for a page that is only shown.
    """

    request: Request
    visitor: Visitor
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def query(self) -> dict[str, str]:
        """Return the fields behind the address."""
        return {name: value for name, value in self.request.query_params.items() if value}

    def part(self, name: str) -> str:
        """Return a part of the path."""
        text: str = self.request.path_params[name]
        return text

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Return a page for this visitor."""
        return html.page(
            template, status, visitor=self.visitor, path=self.request.url.path,
            note=self._note(), **values,
        )  # fmt: skip

    def there(self, path: str, note: str = "") -> Response:
        """Return the answer that leads to a page of this server, after something was done.

        Parameters
        ----------
        path : str
            Path of a page, made by this package.
        note : str
            What was done, to be said on that page.
        """
        behind = f"?{urlencode({'note': note, 'mark': self._mark(note)})}" if note else ""
        return RedirectResponse(path + behind, 303, headers=html.HEADERS)

    def _note(self) -> str:
        """Return what was done, as an address tells: only what was said to this visitor."""
        note, mark = (self.query.get(name, "") for name in ("note", "mark"))
        ours = note and hmac.compare_digest(mark.encode(), self._mark(note).encode())
        return note if ours else ""

    def _mark(self, note: str) -> str:
        return hmac.new(self.visitor.token.encode(), note.encode(), "sha256").hexdigest()[:32]


View = Callable[[Look], Response]


def view(function: View, *, login: bool = False) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint of a page.

    Parameters
    ----------
    function : callable
        Function that makes the page of a look.
    login : bool
        Whether the world is told how to log in instead.
    """

    async def endpoint(request: Request) -> Response:
        visitors: Visitors = request.app.state.visitors
        who = visitors.nobody
        form: Mapping[str, str] = {}

        def run() -> Response:
            nonlocal who
            who = visitors.of(_session(request))
            look = Look(request=request, visitor=who, form=form)
            if login and not look.visitor.known:
                return look.page("absent.html", 401, title="Nobody is logged in", text="")
            if request.method == "POST":
                _require_token(look)
            with visitors.acting(look.visitor):
                return function(look)

        try:
            if request.method == "POST":
                form = await form_of(request)
            return await anyio.to_thread.run_sync(run, limiter=request.app.state.page_threads)
        except HTTPException as error:
            if not _browser(request):
                raise
            text = ABSENT if error.status_code == 404 else str(error.detail or "")
            return _failed(who, request, error.status_code, text)
        except AweError as error:
            if not _browser(request):
                raise HTTPException(_status(error), _said(error)) from error
            status = _status(error)
            return _failed(who, request, status, ABSENT if status == 404 else _said(error))

    return endpoint


def polite(
    endpoint: Callable[[Request], Awaitable[Response]], absent: str
) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint whose refusals are pages where a browser asks.

    Parameters
    ----------
    endpoint : callable
        Function that answers a request.
    absent : str
        Text of the page where there is nothing.
    """

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except HTTPException as error:
            if not _browser(request):
                raise
            text = absent if error.status_code == 404 else str(error.detail)
            nobody = request.app.state.visitors.nobody
            return _failed(nobody, request, error.status_code, text)

    return answered


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form that these pages sent.

    Raises
    ------
    HTTPException
        Another site sent it, or it is larger than any form here.
    """
    refuse_other_sites(request)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise HTTPException(413, "that is more than a form of these pages holds")
    try:
        fields = parse_qs(body.decode(), max_num_fields=FIELDS)
    except (ValueError, UnicodeDecodeError) as error:
        raise HTTPException(400, "that is not a form of these pages") from error
    return {name: values[0] for name, values in fields.items()}


def _require_token(look: Look) -> None:
    given = look.form.get("token", "")
    if not look.visitor.known or not hmac.compare_digest(
        given.encode(), look.visitor.token.encode()
    ):
        raise HTTPException(403, "this form is not one of yours, or too old; open its page again")


def _session(request: Request) -> bytes | None:
    """Return the ticket or the session of a request; a link for one file opens no page."""
    if "authorization" in request.headers:
        return ticket_of(request, links=False)
    session: bytes | None = request.app.state.session_of(request)
    return session


def _browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _status(error: AweError) -> int:
    return next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)


def _said(error: AweError) -> str:
    slow = getattr(error.__cause__, "pgcode", None) == "57014"
    return TOO_LONG if slow else str(error)


def _failed(who: Visitor, request: Request, status: int, text: str) -> Response:
    titles = {404: "Not here", 403: "Not allowed", 503: "Not now", 413: "Too much"}
    return html.page(
        "absent.html", status, visitor=who, path=request.url.path, note="",
        title=titles.get(status, "That did not work"), text=text,
    )  # fmt: skip
