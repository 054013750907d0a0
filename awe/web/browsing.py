"""The pages `/objects`: a form for each class, the table of what was found, and its files."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from awe.db.declare.registry import registry
from awe.db.query import paging
from awe.errors import AweError, QueryError
from awe.web import html
from awe.web.found import class_named, class_names, own_class_names
from awe.web.object import plain
from awe.web.search import OPERATORS, Search, fields
from awe.web.view import Look

__all__ = ["classes_page", "objects_page", "table_file"]

PER_PAGE = 50
#: Objects counted; of more it is said that there are more.
COUNTED = 10_000
#: Rows of a file.
LARGEST = 50_000
#: Name of a format in an address, of astropy's, and its type.
FORMATS = {
    "csv": ("ascii.csv", "text/csv"),
    "fits": ("fits", "application/fits"),
    "vot": ("votable", "application/x-votable+xml"),
}
#: Classes in the order of an observation, for the page that lists them.
GROUPS = (
    ("Raw frames", "Raw"), ("Calibrations and products", "Frame"), ("Parameters", "Parameters"),
    ("Everything else", ""),
)  # fmt: skip


def classes_page(look: Look) -> Response:
    """Return the page that lists the classes."""
    left = class_names()
    groups = []
    for title, word in GROUPS:
        starts = word == "Raw"
        some = [n for n in left if (n.startswith(word) if starts else n.endswith(word))]
        left = [n for n in left if n not in some]
        told = [(n, (registry[n].__doc__ or "").strip().partition("\n")[0]) for n in some]
        if told:
            groups.append((title, told))
    return look.page("classes.html", title="Objects", groups=groups, own=own_class_names())


def objects_page(look: Look) -> Response:
    """Return the form of a class and a page of what was found."""
    kind = class_named(look.part("class_name"))
    given = look.request.query_params.multi_items()
    every = fields(kind)
    trouble, search = "", None
    try:
        search = Search.of(kind, given)
        found = paging.page(search.query, search.columns, sort=search.sort,
                            downwards=search.downwards, after=search.after,
                            size=PER_PAGE + 1)  # fmt: skip
        number = paging.at_most(search.query, COUNTED)
    except QueryError as error:
        trouble, found, number = str(error), [], 0
        search = search or Search.of(kind, [])
    values = dict(given)
    shown = found[:PER_PAGE]
    return look.page(
        "objects.html",
        400 if trouble else 200,
        title=kind.__name__,
        about=(kind.__doc__ or "").strip().partition("\n")[0],
        kind=kind.__name__,
        search=search,
        trouble=trouble,
        count=_counted(number),
        rows=[(row.place.object_id, [plain(value) for value in row.values]) for row in shown],
        columns=[field for name in search.columns for field in every if field.name == name],
        here=[field for field in every if field.name in (*search.columns, *search.asked)],
        others=[field for field in every if field.name not in (*search.columns, *search.asked)],
        values=values,
        words=OPERATORS,
        sky=bool(kind.__sky__) or _covers_sky(kind),
        links=_links(look, given, search, shown[-1].place if len(found) > PER_PAGE else None),
    )


def table_file(look: Look) -> Response:
    """Return what was found as a file."""
    kind, name = class_named(look.part("class_name")), look.part("format")
    if name not in FORMATS:
        msg = f"no format {name[:20]!r}; there are {', '.join(FORMATS)}"
        raise QueryError(msg)
    search = Search.of(kind, look.request.query_params.multi_items())
    number = paging.at_most(search.query, LARGEST)
    if number is None or number > LARGEST:
        msg = f"a file has {LARGEST} rows at most; narrow the search, or type {search.command}"
        raise QueryError(msg)
    order = f"{'-' if search.downwards else ''}{search.sort}"
    table = search.query.order_by(order).to_table(*search.columns)
    written, media = FORMATS[name]
    content: Any = io.StringIO() if name == "csv" else io.BytesIO()
    table.write(content, format=written)
    told = f'attachment; filename="{kind.__name__}.{name}"'
    headers = {**html.HEADERS, "content-disposition": told}
    text = content.getvalue()
    body = text.encode() if isinstance(text, str) else text
    return Response(body, headers=headers, media_type=media)


def _covers_sky(kind: Any) -> bool:
    try:
        kind.near(0.0, 0.0, 0.1)
    except AweError:
        return False
    return True


def _counted(number: int | None) -> str:
    if number is None:
        return "many"
    return f"more than {COUNTED:,}" if number > COUNTED else f"{number:,}"


def _links(look: Look, given: Any, search: Search, last: Any) -> dict[str, Any]:
    """Return the addresses of the next page, of the first, of files and of other orders."""
    kept = [(n, v) for n, v in given if n not in ("after", "sort", "note") and v]
    order = [("sort", f"{'-' if search.downwards else ''}{search.sort}")]
    path = look.request.url.path

    def address(*more: tuple[str, str], of: str = path) -> str:
        return f"{of}?{urlencode([*kept, *more])}"

    def sorting(name: str) -> str:
        turned = name == search.sort and not search.downwards
        return address(("sort", f"{'-' if turned else ''}{name}"))

    place = None
    if last is not None:
        value = last.value
        told = value if isinstance(value, int | float | bool | None) else str(value)
        place = address(*order, ("after", json.dumps([told, str(last.object_id)])))
    return {
        "next": place,
        "first": address(*order) if search.after is not None else None,
        "files": [(n.upper() if n != "vot" else "VOTable", address(*order, of=f"{path}/table.{n}"))
                  for n in FORMATS],
        "sort": sorting,
    }  # fmt: skip
