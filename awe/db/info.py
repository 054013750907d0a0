"""`info()`: an object's attributes in a layout people can read, at the prompt and in Jupyter.

Values stand with their units, links with the name of what they point to, lists with their number
of members. The text comes from the declarations: nothing is listed twice.
"""

from __future__ import annotations

import datetime
import html as markup
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from awe.errors import NotVisible

if TYPE_CHECKING:
    from awe.db.base import DBObject

__all__ = ["html", "info", "label", "rows"]

LEVELS = {1: "MyDB", 2: "Project", 3: "Astro-WISE", 4: "World", 5: "VO"}

_UNIT = re.compile(r"^(?P<doc>.*?)\s*\[(?P<unit>[^\]]*)\]\s*$", re.DOTALL)

#: members of a list that are named
LISTED = 3


def info(self: DBObject) -> None:
    """Print all attributes of the object, with units and meaning."""
    title = f"{type(self).__name__}: {label(self)}"
    lines = [title, "=" * len(title), *_status(self)]
    table = list(rows(self))
    width = max(len(name) for name, _, _ in table)
    values = max(len(value) for _, value, _ in table)
    values = min(values, 60)
    lines += [f"{name:<{width}} : {value:<{values}}  {doc}".rstrip() for name, value, doc in table]
    sys.stdout.write("\n".join(lines) + "\n")


def html(self: DBObject) -> str:
    """Return the attributes as an HTML table, for Jupyter."""
    cells = "".join(
        f"<tr><th>{markup.escape(name)}</th><td>{markup.escape(value)}</td>"
        f"<td>{markup.escape(doc)}</td></tr>"
        for name, value, doc in rows(self)
    )
    title = markup.escape(f"{type(self).__name__}: {label(self)}")
    return f"<table><caption>{title}</caption>{cells}</table>"


def rows(item: DBObject) -> Iterator[tuple[str, str, str]]:
    """Yield (name, value with unit, meaning) of every attribute, in alphabetical order."""
    for name in item.get_persistent_properties():
        doc, unit = _split(item._attribute(name).__doc__ or "")
        yield name, _shown(item, name, unit), doc


def label(item: Any) -> str:
    """Return what people call an object: its file, its name, or the beginning of its id."""
    if item is None:
        return "none"
    for name in ("filename", "name"):
        text = getattr(item, name, "") if name in type(item)._attributes else ""
        if text:
            return str(text)
    if type(item).__name__ == "Imstat":
        return f"median {item.median:.6g}, mean {item.mean:.6g}, stdev {item.stdev:.4g}"
    if "start" in type(item)._attributes and item.start is not None:
        return f"started {_moment(item.start)}"
    return f"{type(item).__name__} {str(item.object_id)[:8]}"


def _status(item: DBObject) -> list[str]:
    if not item._committed:
        return ["not committed"]
    level = item._privileges
    return [
        f"committed {_moment(item.creation_date)} UTC by user {item._creator} in project "
        f"{item._project}, privileges {level} ({LEVELS.get(level, '?')})"
    ]


def _shown(item: DBObject, name: str, unit: str) -> str:
    try:
        value = getattr(item, name)
    except NotVisible:
        return "not visible to you"
    text = _text(value)
    return f"{text} {unit}" if unit and value is not None and text else text


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, datetime.datetime):
        return _moment(value)
    if isinstance(value, list):
        return _list(value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={_text(one)}" for key, one in value.items()) or "none"
    if hasattr(type(value), "get_persistent_properties"):
        return label(value)
    return str(value)


def _list(values: list[Any]) -> str:
    if not values:
        return "none"
    named = ", ".join(_text(value) for value in values[:LISTED])
    more = ", ..." if len(values) > LISTED else ""
    return f"{len(values)}: {named}{more}"


def _moment(value: datetime.datetime) -> str:
    return value.isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")


def _split(doc: str) -> tuple[str, str]:
    found = _UNIT.match(doc)
    if found is None:
        return doc, ""
    unit = found["unit"]
    return found["doc"], "" if unit == "None" else unit
