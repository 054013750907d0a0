"""The schema of the database: tables from the declared classes, SQL files, and migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.db.schema.install import VERSION, create_database, refresh, self_check, version
    from awe.db.schema.tables import ddl, metadata

__all__ = ["VERSION", "create_database", "ddl", "metadata", "refresh", "self_check", "version"]

face(__name__)
