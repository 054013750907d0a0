"""Objects as all the world may see them.

Owns a few connections as the login `awe_pages`, which sees what `anonymous` sees: objects of level
4 and above and nothing else. Refuses names that are no persistent class's.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from awe.dataserver.connections import Connections

__all__ = ["World"]


class World(Connections):
    """Published objects by class and id."""

    def attributes(self, class_name: str, object_id: UUID) -> dict[str, Any] | None:
        """Return the attributes of a published object, None where there is none."""
        from psycopg2 import sql

        table = _table_name(class_name)
        persistent = self.ask(
            "SELECT count(*) FROM pg_attribute"
            " WHERE attrelid = to_regclass(%s) AND attname IN ('object_id', '_privileges')",
            (f"awe.{table}",),
        )
        if persistent != [(2,)]:
            return None
        statement = sql.SQL("SELECT to_jsonb(t) FROM awe.{} t WHERE t.object_id = %s::uuid")
        rows = self.ask(statement.format(sql.Identifier(table)), (str(object_id),))
        return rows[0][0] if rows else None


def _table_name(class_name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()
