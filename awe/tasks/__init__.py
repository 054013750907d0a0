"""What recipes are made of: arguments, the choice of inputs, execution, and products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.tasks.arguments import Argument
    from awe.tasks.inputs import Raws, choose, finish, read_raws
    from awe.tasks.maps import make_maps
    from awe.tasks.remake import recipe_of
    from awe.tasks.screening import Screened
    from awe.tasks.stacking import stack
    from awe.tasks.tables import as_table
    from awe.tasks.targets import Plan, Step
    from awe.tasks.task import Task
    from awe.tasks.unit import Items, Unit

__all__ = [
    "Argument",
    "Items",
    "Plan",
    "Raws",
    "Screened",
    "Step",
    "Task",
    "Unit",
    "as_table",
    "choose",
    "finish",
    "make_maps",
    "read_raws",
    "recipe_of",
    "stack",
]

face(__name__)
