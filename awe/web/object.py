"""The page of one object: its attributes, what it was made of, and what was made of it."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from awe.db.declare.attributes import Kind, Persistent
from awe.db.query.compiler import Compiler
from awe.db.query.conditions import Compare
from awe.db.query.query import Query
from awe.db.rights import projects
from awe.db.server.connection import database
from awe.errors import NotVisible
from awe.model.info import label
from awe.model.mixins import ProcessTarget
from awe.rules.graph import pointing_at
from awe.web.found import object_named
from awe.web.view import Look

__all__ = ["object_page", "plain", "split"]

#: Links of a list, and objects of a class, that are named on the page.
MOST = 12
#: Characters of a text, and values of a list.
LONGEST, VALUES = 2000, 30
#: What the page says elsewhere.
ELSEWHERE = ("object_id", "creation_date")


def object_page(look: Look) -> Response:
    """Return the page of an object."""
    item = object_named(look.part("class_name"), look.part("object_id"))
    cls = type(item)
    rows = [
        _row(item, name, cls._attribute(name))
        for name in cls.get_persistent_properties() if name not in ELSEWHERE
    ]  # fmt: skip
    file_id = getattr(item, "file", None)
    previews = look.request.app.state.previews
    return look.page(
        "object.html",
        title=f"{cls.__name__} {label(item)}",
        item=item,
        kind=cls.__name__,
        values=[row for row in rows if "links" not in row],
        links=[row for row in rows if row.get("links")],
        uses=_uses(item),
        facts=_facts(look, item),
        judged=isinstance(item, ProcessTarget),
        file_id=file_id,
        preview=file_id is not None and previews.path(file_id).is_file(),
    )


def _facts(look: Look, item: Any) -> dict[str, str]:
    """Return when, by whom and where an object was made; people are not for the world."""
    rows = database.execute("SELECT name FROM awe.project WHERE id = %s", (item._project,))
    facts = {"committed": f"{item.creation_date:%Y-%m-%d %H:%M:%S} UTC"}
    if look.visitor.known:
        facts["creator"] = str(projects.user(item._creator))
    facts["project"] = rows[0][0] if rows else "not a public one"
    facts["privileges"] = projects.level_text(item._privileges)
    facts["object_id"] = str(item.object_id)
    return facts


def _row(item: Any, name: str, attribute: Persistent[Any]) -> dict[str, Any]:
    meaning, unit = split(attribute)
    row: dict[str, Any] = {"name": name, "meaning": meaning, "unit": unit}
    if not attribute.is_link:
        return {**row, "value": plain(getattr(item, name))}
    try:
        value = getattr(item, name)
    except NotVisible:
        return {**row, "links": [(None, "not visible to you")], "more": 0}
    linked = value if isinstance(value, list) else [value]
    found = [one for one in linked if one is not None]
    return {
        **row,
        "links": [(f"/object/{type(one).__name__}/{one.object_id}", label(one))
                  for one in found[:MOST]],
        "more": max(0, len(found) - MOST),
    }  # fmt: skip


def split(attribute: Persistent[Any]) -> tuple[str, str]:
    """Return the meaning and the unit of an attribute."""
    text = attribute.__doc__ or ""
    return text.removesuffix(f"[{attribute.unit}]").strip(), attribute.unit


def plain(value: Any) -> Any:
    """Return a value as one that a page shows: long ones are cut."""
    if isinstance(value, list):
        told = ", ".join(str(one) for one in value[:VALUES])
        return f"{len(value)}: {told}, ..." if len(value) > VALUES else told
    if isinstance(value, dict):
        value = json.dumps(value, default=str, indent=1) if value else ""
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]} ..."
    return value


def _uses(item: Any) -> list[dict[str, Any]]:
    """Return what refers to an object: class by class, a few of each, and where the rest is."""
    found = []
    for cls, name in sorted(pointing_at(type(item)), key=lambda one: (one[0].__name__, one[1])):
        ids = _referring(cls, name, item)
        if ids:
            shown = Query(cls, _among(cls, ids[:MOST])).order_by("-creation_date")
            found.append({
                "kind": cls.__name__, "name": name, "more": len(ids) > MOST,
                "links": [(f"/object/{cls.__name__}/{one.object_id}", label(one))
                          for one in shown],
            })  # fmt: skip
    return found


def _among(cls: Any, ids: list[Any]) -> Any:
    return cls.object_id.isin(ids).condition


def _referring(cls: Any, name: str, item: Any) -> list[Any]:
    """Return the ids of some objects that refer to another, in no order: there may be millions."""
    attribute = cls._attribute(name)
    steps = (attribute,) if attribute.kind in (Kind.LINK, Kind.LINKS) else ()
    query = Query(cls, Compare(steps=steps, operator="==", value=item.object_id))
    compiler = Compiler()
    source, where = query._source(compiler)
    text = f"SELECT {source.alias}.object_id FROM {source.text} WHERE {where} LIMIT {MOST + 1}"
    return [row[0] for row in database.execute(text, compiler.values)]
