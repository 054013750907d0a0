"""What is still to be made: frames without a product of a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awe.rules.absent import Missing, absent

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["without"]


def without(cls: Any, frames: Sequence[Any], target: Any) -> list[Any]:
    """Return the frames that have no sound product of a class on a target.

    Parameters
    ----------
    cls : type
        Class of the product, with links to the frames and to its target.
    frames : sequence of object
        Frames of one class.
    target : GridTarget
        The grid.
    """
    found: Missing = absent(cls, frames, accept=lambda one: one.grid_target.same(target))
    return list(found)
