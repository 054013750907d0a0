"""Statistics of images as persistent objects: `Imstat` for a region, `SubWinStat` for a grid.

The numbers come from `awe.calib.statistics`; this module only names and stores them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from awe.db.objects.base import DBObject, persistent

__all__ = ["Imstat", "SubWinStat"]


class Imstat(DBObject):
    """Statistics of the pixels of one region of an image."""

    min = persistent("Smallest pixel value [ADU]", float, 0.0)
    max = persistent("Largest pixel value [ADU]", float, 0.0)
    mean = persistent("Mean of the pixel values [ADU]", float, 0.0)
    median = persistent("Median of the pixel values [ADU]", float, 0.0)
    stdev = persistent("Standard deviation of the pixel values [ADU]", float, 0.0)
    x_lower = persistent("First column of the region, counted from 1 [pixel]", int, 0)
    x_upper = persistent("Last column of the region, inclusive [pixel]", int, 0)
    y_lower = persistent("First row of the region, counted from 1 [pixel]", int, 0)
    y_upper = persistent("Last row of the region, inclusive [pixel]", int, 0)

    __indexes__ = ("median",)

    def __repr__(self) -> str:
        return f"<Imstat median {self.median:.6g}, mean {self.mean:.6g}, stdev {self.stdev:.4g}>"

    @classmethod
    def from_numbers(cls, numbers: Mapping[str, Any]) -> Imstat:
        """Return a new `Imstat` from a mapping with its attribute names."""
        return cls(**dict(numbers))


class SubWinStat(DBObject):
    """Statistics of the windows of a regular grid over one frame; the link goes to the frame."""

    raw = persistent("Raw science frame of the windows [None]", "RawScienceFrame", None)
    bias = persistent("Bias of the windows [None]", "BiasFrame", None)
    reduced = persistent("Reduced frame of the windows [None]", "ReducedScienceFrame", None)
    windows = persistent("Statistics of the windows, row by row [None]", Imstat, [])
    columns = persistent("Number of windows side by side [None]", int, 4)
    rows = persistent("Number of windows above each other [None]", int, 8)

    @property
    def frame(self) -> Any:
        """The frame of the windows."""
        return self.raw or self.bias or self.reduced
