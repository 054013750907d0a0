"""Objects as all the world may see them.

Owns a few connections as the login `awe_pages`, which sees what `anonymous` sees: objects of level
4 and above and nothing else. Refuses names other than those of persistent classes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg2 import sql

from awe.dataserver.connections import Connections
from awe.db.declare import registry
from awe.model import classes

__all__ = ["Published"]


@dataclass(frozen=True, kw_only=True)
class Value:
    """One attribute of an object, with what its class says of it."""

    name: str
    value: Any
    unit: str = ""
    meaning: str = ""
    #: Class of the objects it links, if it is a link.
    target: str = ""


class Published(Connections):
    """Published objects by class and id."""

    def attributes(self, class_name: str, object_id: UUID) -> list[Value] | None:
        """Return the attributes of a published object, None if there is no such object."""
        table = _table_name(class_name)
        persistent = self.ask(
            "SELECT count(*) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attname IN ('object_id', '_privileges')",
            (f"awe.{table}",),
        )
        if persistent != [(2,)]:
            return None
        statement = sql.SQL(
            "SELECT to_jsonb(t), (SELECT p.name FROM awe.project p WHERE p.id = t._project)"
            " FROM awe.{} t WHERE t.object_id = %s::uuid"
        )
        rows = self.ask(statement.format(sql.Identifier(table)), (str(object_id),))
        return _values(class_name, *rows[0]) if rows else None


def _values(class_name: str, row: dict[str, Any], project: str | None) -> list[Value]:
    """Return what a row holds, under the names people use."""
    classes.load()
    declared = registry.registry.get(class_name)
    known = {} if declared is None else {a.column: a for a in declared._attributes.values()}
    found = []
    # who made it is not for the world
    for column, value in row.items():
        attribute = known.get(column)
        if column == "_project" and project is not None:
            found.append(Value(name="project", value=project))
        elif column != "_creator" and attribute is None:
            found.append(Value(name=column.lstrip("_"), value=value))
        elif column != "_creator" and attribute is not None:
            text = (attribute.__doc__ or "").removesuffix(f"[{attribute.unit}]").strip()
            target = attribute.target.__name__ if attribute.is_link else ""
            name = attribute.name.lstrip("_")
            found.append(Value(name=name, value=value, unit=attribute.unit, meaning=text,
                               target=target))  # fmt: skip
    return found


def _table_name(class_name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()
