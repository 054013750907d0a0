"""The query language: conditions over attributes and links, compiled to SQL, read as objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.db.query.columns import ObjectTable, to_table
    from awe.db.query.conditions import Condition
    from awe.db.query.path import Path
    from awe.db.query.query import Query, Reading
    from awe.db.query.saved import SavedQueries, SavedQuery
    from awe.db.query.sky import Box, Cone, Polygon
    from awe.db.query.summary import Stats

__all__ = [
    "Box",
    "Condition",
    "Cone",
    "ObjectTable",
    "Path",
    "Polygon",
    "Query",
    "Reading",
    "SavedQueries",
    "SavedQuery",
    "Stats",
    "to_table",
]

face(__name__)
