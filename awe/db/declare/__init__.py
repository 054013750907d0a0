"""Declarations: the attributes of persistent classes, and the classes there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.db.declare.attributes import Kind, Persistent, TypedList, persistent
    from awe.db.declare.registry import declared, find

__all__ = ["Kind", "Persistent", "TypedList", "declared", "find", "persistent"]

face(__name__)
