"""What was requested when a product was made, as the arguments that request it again.

Calibrations that were named, those the recipe was let go on without, and every other argument that
changed what came out, such as the name of a reference catalogue: a remake at the prompt and a job
of the DPU request all of them alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.db.declare import registry
from awe.db.server import scope
from awe.errors import ArgumentError
from awe.model.mixins import has, value_of
from awe.rules.roles import MISSING, NOT_NAMED
from awe.tasks.naming import role_of

if TYPE_CHECKING:
    from awe.tasks.task import Task

__all__ = ["arguments_again", "class_of", "named_by_hand", "target_of"]


def arguments_again(product: Any, task: type[Task]) -> dict[str, Any]:
    """Return the arguments that request of a recipe what was requested when a product was made.

    Parameters
    ----------
    product : product
        Object that a recipe made.
    task : type
        Recipe that makes it again.

    Raises
    ------
    ArgumentError
        A calibration was named that the recipe has no argument for.
    NotVisible
        It is not visible to you.
    """
    known = {argument.name for argument in task.arguments}
    names = {of: argument for argument, of in task.named.items()}
    found: dict[str, Any] = {}
    for name, item in named_by_hand(product).items():
        argument = names.get(name)
        if argument is None:
            msg = (
                f"a {name} was named when it was made, and {task.identifier()} takes none now; "
                "an exact remake, remake(exact=True), uses the same one"
            )
            raise ArgumentError(msg)
        by_id = argument.endswith("_id")
        found[argument] = str(item.object_id) if by_id else item.filename
    lacking = [names[name] for name in _lacking(product) if name in names]
    roles = [role for role in map(role_of, lacking) if role not in task.needed]
    wanted = {
        "go_without": roles or None,
        "nightsky": _wanted(product, "nightsky") or None,
        "combine": _combination(product),
    }
    wanted = _recorded(product, task) | {
        name: value for name, value in wanted.items() if value is not None
    }
    return found | {name: value for name, value in wanted.items() if name in known}


def _recorded(product: Any, task: type[Task]) -> dict[str, Any]:
    """Return the arguments that were given; for one's own recipe only those one gave oneself."""
    if not (task._is_ours() or product._creator == scope.current().user_id):
        return {}
    return dict(value_of(product, "requested") or {})


def class_of(cls: Any, role: str) -> str:
    """Return the name of the class of a recorded choice: that of the link, or the role itself.

    Parameters
    ----------
    cls : type
        Class of the product.
    role : str
        What `choices` has: a link, or the class of a calibration without one.
    """
    return cls._attribute(role).target.__name__ if has(cls, role) else role


def named_by_hand(product: Any) -> dict[str, Any]:
    """Return the calibrations that were named when a product was made, by name of the class.

    Parameters
    ----------
    product : product
        Object that a recipe made.

    Raises
    ------
    NotVisible
        One of them is not visible to you.
    """
    found = {}
    for role, how in (value_of(product, "choices") or {}).items():
        if how in NOT_NAMED:
            continue
        name = class_of(type(product), role)
        if has(product, role):
            found[name] = getattr(product, role)
        else:
            cls: Any = registry.find(name)
            found[name] = cls(object_id=product.consulted[name])
    return found


def target_of(product: Any) -> dict[str, Any]:
    """Return the arguments that choose again the grid of a product, its detection or its kind.

    Parameters
    ----------
    product : product
        Object that a recipe made.
    """
    searched = value_of(product, "detection_frame")
    if searched is not None:
        return {"detection": searched.filename}
    if has(product, "associatelisttype"):
        earlier = product.input_associatelist
        return {
            "associatelisttype": product.associatelisttype, "name": product.name or None,
            "input_associatelist": earlier.filename if earlier is not None else None,
        }  # fmt: skip
    grid = value_of(product, "grid_target")
    if grid is None:
        return {}
    return {"grid_ra": grid.ra, "grid_dec": grid.dec, "grid_pixelscale": grid.pixelscale}


def _lacking(product: Any) -> list[str]:
    """Return the classes of the calibrations a recipe went on without."""
    choices = value_of(product, "choices") or {}
    return [class_of(type(product), role) for role, how in choices.items() if how == MISSING]


def _wanted(product: Any, role: str) -> bool:
    """Return True if a correction was requested, whether there was one or not."""
    if not has(product, role):
        return False
    return getattr(product, role) is not None or class_of(type(product), role) in _lacking(product)


def _combination(product: Any) -> int | None:
    """Return the way to combine that was given as an argument, None where none was."""
    used = value_of(product, "combine")
    # where one of the flats was missing the recipe took the other on its own
    missed = {"DomeFlatFrame", "TwilightFlatFrame"} & set(_lacking(product))
    if used is None or missed or used == value_of(product.process_params, "COMBINE"):
        return None
    return int(used)
