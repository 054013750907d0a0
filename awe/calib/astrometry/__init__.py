"""Astrometry of one chip: places of stars matched with a reference, and the map they give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from awe.lazy import face

if TYPE_CHECKING:
    from awe.calib.astrometry.matching import Stars
    from awe.calib.astrometry.solution import Limits, Solution, solve

__all__ = ["Limits", "Solution", "Stars", "solve"]

face(__name__)
