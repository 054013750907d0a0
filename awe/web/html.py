"""Pages as text: Jinja2 templates in which everything is escaped; no scripts or styles inside.

What a page loads is on this server: one style, one script, previews. Whatever is put into a
template is made harmless and escaped, unless this package made it as HTML.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from awe.terminal import harmless

__all__ = ["HEADERS", "moment", "page", "shown"]

#: "same-origin" is what makes browsers say where a form came from.
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "cache-control": "private, no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(\+00:00|Z)?")


def moment(value: Any) -> str:
    """Return a moment as people read it, in UTC; anything else as its text."""
    text = "" if value is None else str(value)
    found = _MOMENT.fullmatch(text)
    return f"{found[1]} {found[2]}" if found else text


def shown(value: Any) -> Any:
    """Return a value as it is put into a page, where it is escaped."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, datetime.datetime):
        return moment(value)
    if isinstance(value, float):
        return f"{value:.9g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return harmless(moment(value)).replace("\x00", "")


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("awe.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["shown"] = shown
    return made


def page(
    template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Response:
    """Return a page.

    Parameters
    ----------
    template : str
        Name of the template.
    status : int
        Status of the answer.
    headers : mapping, optional
        Further headers.
    **values
        What the template shows.
    """
    text = _templates().get_template(template).render(**values)
    return HTMLResponse(text, status, headers={**HEADERS, **(headers or {})})
