"""Recipes: one file each, found by looking, never listed.

This face offers what a recipe of the user's own begins with (`Task`, `Unit`, `Argument`) and
recipes by name. What is offered is loaded on first use: to know which recipes there are takes
no task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.tasks.finding import chain, find, find_ours, is_ours, load_file
    from awe.tasks.scan import CLASS, available, fresh
    from awe.tasks.task import Argument, Task, Unit

__all__ = [
    "CLASS",
    "Argument",
    "Task",
    "Unit",
    "available",
    "chain",
    "find",
    "find_ours",
    "fresh",
    "is_ours",
    "load_file",
]

face(__name__)
