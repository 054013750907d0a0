"""Persistent classes, queries, the connection and rights: what speaks to the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.db.declare.attributes import persistent
    from awe.db.objects.base import DBObject
    from awe.db.query.query import Query
    from awe.db.query.saved import saved
    from awe.db.server.connection import database

__all__ = ["DBObject", "Query", "database", "persistent", "saved"]

face(__name__)
