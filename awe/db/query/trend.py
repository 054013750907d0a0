"""`query.plot('DATE_OBS', 'imstat.median')`: one attribute against another.

The values come with one statement, no objects are loaded; missing and infinite ones are counted
and left out. Importing this module loads no plotting library.
"""

from __future__ import annotations

import datetime
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from awe.db.declare.attributes import Kind, Persistent
from awe.db.query.path import named, resolve
from awe.db.query.query import Query
from awe.errors import QueryError
from awe.inspect.scatter import Axis, draw
from awe.inspect.shown import present

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot"]

#: types of values that have a place on an axis
NUMBERS = (int, float)


def plot(
    query: Query, x: str, y: str, *, by: str = "", filename: str | Path | None = None
) -> Figure:
    """Plot one attribute of the objects against another.

    On a screen a window opens; in a notebook the figure is drawn in place; elsewhere a PNG file
    is written into the working directory and named.

    Parameters
    ----------
    x, y : str
        Attributes or chains of them, numbers or dates: `'DATE_OBS'`, `'imstat.median'`.
    by : str, optional
        Attribute or chain with one colour for each of its values: `'filter'`, `'chip'`.
    filename : str or Path, optional
        Write the figure here instead, as PNG, PDF or SVG by its ending.

    Returns
    -------
    Figure
        The matplotlib figure.

    Raises
    ------
    QueryError
        An attribute is neither a number nor a date, or no object has both values.
    AttributeUnknown
        There is no such attribute.
    ArgumentError
        The file cannot be written.
    """
    across, up = _axis(query, x), _axis(query, y)
    names = [across.name, up.name]
    if by:
        steps = named(resolve(query.cls, by))
        names.append(".".join(step.name for step in steps))
    query._guard(query.count())
    rows = query.values(*names)
    points = [row for row in rows if _finite(row[0]) and _finite(row[1])]
    if not points:
        raise QueryError(_nothing(query, len(rows), names))
    groups: dict[str, list[tuple[Any, Any]]] = {}
    for row in points if not by else sorted(points, key=lambda row: _order(row[2])):
        groups.setdefault(_group(row[2]) if by else "", []).append((row[0], row[1]))
    text = _title(query, len(points), len(rows) - len(points))
    file = "-".join([query.cls.__name__, *(re.sub(r"\W+", "_", name) for name in names[:2])])
    return present(
        lambda: draw(across, up, groups, title=text, legend=by), filename,
        name=f"{file}.png", title=f"plot of {text}",
    )  # fmt: skip


def _axis(query: Query, name: Any) -> Axis:
    """Return what an axis shows, or refuse what has no place on one."""
    steps = resolve(query.cls, name)
    last: Persistent[Any] = steps[-1]
    text = ".".join(step.name for step in steps)
    dates = last.declared_type is datetime.datetime
    if last.kind is Kind.VALUE and (dates or last.declared_type in NUMBERS):
        return Axis(name=text, unit=last.unit or ("UTC" if dates else ""), dates=dates)
    msg = f"plot(): {query.cls.__name__}.{text} is {last.type_name}, neither a number nor a date"
    if last.is_link:
        numbers = [
            one for one, attribute in last.target._attributes.items()
            if not one.startswith("_") and attribute.declared_type in NUMBERS
        ]  # fmt: skip
        known = ", ".join(f"{text}.{one}" for one in numbers[:5])
        msg += f"; plot one of its attributes: {known}" if known else ""
    else:
        msg += "; plot an attribute that is, and give this one as by= for colours"
    raise QueryError(msg)


def _finite(value: Any) -> bool:
    return value is not None and (not isinstance(value, float) or math.isfinite(value))


def _group(value: Any) -> str:
    return "(none)" if value is None else str(value)


def _order(value: Any) -> tuple[bool, Any]:
    """Return a key that puts missing values last; the values of one attribute have one type."""
    return (value is None, "" if value is None else _sortable(value))


def _sortable(value: Any) -> Any:
    return value if isinstance(value, int | float | str | datetime.datetime) else str(value)


def _title(query: Query, shown: int, missing: int) -> str:
    text = f"{shown} {query.cls.__name__}"
    if query._narrowed:
        text += f" in {', '.join(query._narrowed)}"
    return f"{text} ({missing} without a value left out)" if missing else text


def _nothing(query: Query, number: int, names: list[str]) -> str:
    x, y = names[:2]
    if not number:
        return f"plot({x!r}, {y!r}): the query has no {query.cls.__name__} that you may see"
    return f"plot({x!r}, {y!r}): none of {number} {query.cls.__name__} has both values"
