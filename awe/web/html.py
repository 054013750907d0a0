"""Pages as text: everything shown is escaped, nothing is loaded from elsewhere, no scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from starlette.responses import HTMLResponse, Response

from awe.terminal import harmless

__all__ = ["FORM_HEADERS", "HEADERS", "link", "listing", "moment", "page", "shown", "table"]

_STYLE = (
    "body{font:15px/1.4 sans-serif;margin:0 auto;padding:1em;max-width:75em;color:#222}"
    "nav{border-bottom:1px solid #ccc;padding-bottom:.5em}nav a{margin-right:1em}"
    "table{border-collapse:collapse}td,th{padding:.2em .8em .2em 0;text-align:left;"
    "border-bottom:1px solid #ddd;vertical-align:top;overflow-wrap:break-word}"
    "th{color:#555;font-weight:600}div.wide{overflow-x:auto}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f5f5f5;padding:.6em}"
    "button{font:inherit;padding:.3em 1em}"
)
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action {}; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY.format("'none'"),
    "cache-control": "private, no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
#: Of the pages with a button, which goes to this server only. "same-origin" is what makes browsers
#: say where a form came from.
FORM_HEADERS = {
    **HEADERS,
    "content-security-policy": _POLICY.format("'self'"),
    "referrer-policy": "same-origin",
}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(\+00:00|Z)?")


def page(
    title: str,
    body: str,
    *,
    who: str | None = None,
    status: int = 200,
    headers: Mapping[str, str] = HEADERS,
) -> Response:
    """Return a page; `body` is HTML, all else is text."""
    person = f"logged in as {escape(who)}" if who else "nobody is logged in"
    text = (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
        f"<nav><a href='/'>awe</a><a href='/jobs'>jobs</a><span>{person}</span></nav>"
        f"<main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(text, status, headers=dict(headers))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; `head` is text, the cells are HTML."""
    first = "".join(f"<th scope='col'>{escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<div class='wide'><table><tr>{first}</tr>{body}</table></div>"


def listing(items: Iterable[tuple[str, Any]]) -> str:
    """Return names with their values."""
    rows = (
        f"<tr><th scope='row'>{escape(name)}</th><td>{shown(value)}</td></tr>"
        for name, value in items
    )
    return f"<table>{''.join(rows)}</table>"


def link(path: str, text: str) -> str:
    """Return a link within these pages."""
    return f"<a href='{escape(path, quote=True)}'>{escape(text)}</a>"


def moment(value: Any) -> str:
    """Return a moment as people read it, in UTC."""
    text = "" if value is None else str(value)
    found = _MOMENT.fullmatch(text)
    return f"{found[1]} {found[2]}" if found else text


def shown(value: Any) -> str:
    """Return a value as HTML."""
    if isinstance(value, Mapping):
        return listing(value.items())
    return escape(harmless(moment(value)))
