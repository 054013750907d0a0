"""Objects that last: the root class, writing them, and classes people declare themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.db.objects.base import DBObject
    from awe.db.objects.commit import commit_all, delete, update
    from awe.db.objects.ownclasses import class_of
    from awe.db.objects.owntables import classes_of, define

__all__ = ["DBObject", "class_of", "classes_of", "commit_all", "define", "delete", "update"]

face(__name__)
