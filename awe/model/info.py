"""`info()`: an object's attributes in a layout people can read, at the prompt and in Jupyter.

Values are shown with their units, links with the name of what they point to, lists with their
number of members. The text comes from the declarations: nothing is listed twice.
"""

from __future__ import annotations

import datetime
import html as markup
import inspect
import re
import shutil
from collections.abc import Iterator
from typing import Any

from awe import columns
from awe.columns import cut
from awe.db.objects.base import DBObject
from awe.db.rights.projects import user
from awe.db.server.connection import database
from awe.errors import NotVisible
from awe.lazy import resolve
from awe.terminal import harmless, out

__all__ = ["attributes", "html", "info", "label", "rows", "shortened"]

LEVELS = {1: "MyDB", 2: "Project", 3: "Astro-WISE", 4: "World", 5: "VO"}

_UNIT = re.compile(r"^(?P<doc>.*?)\s*\[(?P<unit>[^\]]*)\]\s*$", re.DOTALL)

#: members of a list that are named
LISTED = 3

#: fewest columns for a value, and the widest column of values that has meanings next to it
NARROWEST = 24
WIDEST = 60
#: fewest columns for a meaning, and for the space before it
LEAST = 30

#: attributes that are never shortened
WHOLE = ("filename", "globalname", "object_id")

#: longest name of a linked file that is shown whole
NAME = 56


def info(self: DBObject) -> None:
    """Print all attributes of the object, with units and meaning."""
    title = f"{type(self).__name__}: {label(self)}"
    lines = [title, "=" * len(title), *_status(self)]
    table = list(rows(self))
    lines += _fitted(table, shutil.get_terminal_size((100, 24)).columns)
    out("\n".join(lines) + "\n")


def _fitted(table: list[tuple[str, str, str]], columns: int) -> list[str]:
    """Return the lines of a table that fit a terminal; meanings only where there is room."""
    width = max(len(name) for name, _, _ in table)
    room = max(columns - width - 3, NARROWEST)
    # the name of the file itself is for copying: it stays whole
    shown = [
        (name, value if name in WHOLE else shortened(value, room), doc)
        for name, value, doc in table
    ]
    values = max(len(value) for name, value, _ in shown if name not in WHOLE)
    column = min(values, WIDEST, max(room - LEAST, NARROWEST))
    lines = []
    for name, value, doc in shown:
        line = f"{name:<{width}} : {value}"
        if doc and len(value) <= column and room - column >= LEAST:
            line = f"{name:<{width}} : {value:<{column}}  {cut(doc, room - column - 2)}"
        lines.append(line.rstrip())
    return lines


def shortened(text: str, width: int) -> str:
    """Return a text cut in the middle, so that both ends of a file name are seen."""
    if len(text) <= width:
        return text
    behind = (width - 3) // 2
    return f"{text[: width - 3 - behind]}...{text[len(text) - behind :]}"


def html(self: DBObject) -> str:
    """Return the attributes as an HTML table, for Jupyter."""
    cells = "".join(
        f"<tr><th>{markup.escape(name)}</th><td>{markup.escape(value)}</td>"
        f"<td>{markup.escape(doc)}</td></tr>"
        for name, value, doc in rows(self)
    )
    title = markup.escape(f"{type(self).__name__}: {label(self)}")
    picture = resolve("awe.model.glimpse:thumbnail")(self)
    return f"<table><caption>{title}</caption>{cells}</table>{picture}"


def rows(item: DBObject) -> Iterator[tuple[str, str, str]]:
    """Yield (name, value with unit, meaning) of every attribute, in alphabetical order."""
    for name in item.get_persistent_properties():
        doc, unit = _split(item._attribute(name).__doc__ or "")
        yield name, _shown(item, name, unit), doc


def attributes(cls: type[DBObject]) -> str:
    """Return the text of a class and one line for each attribute: name, type, meaning, unit."""
    found = [(name, cls._attribute(name)) for name in cls.get_persistent_properties()]
    rows = [(name, one.type_name, _meaning(one.__doc__ or "")) for name, one in found]
    text = inspect.cleandoc(cls.__doc__ or cls.__name__)
    return "\n".join([text, "", *columns.lines(("attribute", "type", "meaning"), rows)])


def _meaning(doc: str) -> str:
    text, unit = _split(doc)
    return f"{text} [{unit}]" if unit else text


def label(item: Any) -> str:
    """Return what people call an object: its file, its name, or the beginning of its id."""
    if item is None:
        return "none"
    if type(item).__name__ == "Recipe":
        return harmless(str(item))
    for name in ("filename", "name"):
        text = getattr(item, name, "") if name in type(item)._attributes else ""
        if text:
            return harmless(str(text))
    known = type(item).__name__ == "Imstat"
    if known and None not in (item.median, item.mean, item.stdev):
        return f"median {item.median:.6g}, mean {item.mean:.6g}, stdev {item.stdev:.4g}"
    if "start" in type(item)._attributes and item.start is not None:
        return f"started {_moment(item.start)}"
    return f"{type(item).__name__} {str(item.object_id)[:8]}"


def _status(item: DBObject) -> list[str]:
    if not item._committed:
        return ["not committed"]
    level = item._privileges
    return [
        f"committed {_moment(item.creation_date)} UTC by {_person(item._creator)} in "
        f"{_project(item._project)}, privileges {level} ({LEVELS.get(level, '?')})"
    ]


def _person(number: int) -> str:
    return user(number).name


def _project(number: int) -> str:
    rows = database.execute("SELECT name FROM awe.project WHERE id = %s", (number,))
    return str(rows[0][0]) if rows else f"project {number}"


def _shown(item: DBObject, name: str, unit: str) -> str:
    try:
        value = getattr(item, name)
    except NotVisible:
        return "not visible to you"
    text = _text(value)
    if isinstance(value, dict):
        return f"{text} [{unit}]" if unit and value else text
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
        told = {key: _part(one) for key, one in value.items()}
        return ", ".join(f"{key}={text}" for key, text in told.items() if text) or "none"
    if hasattr(type(value), "get_persistent_properties"):
        return shortened(label(value), NAME)
    return harmless(str(value))


def _part(value: Any) -> str:
    """Return the text of a value in a mapping: a short list whole, as 1 x 1."""
    if isinstance(value, list | tuple) and 0 < len(value) <= LISTED:
        return " x ".join(_text(one) for one in value)
    return _text(value)


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
