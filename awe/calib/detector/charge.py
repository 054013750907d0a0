"""Lines of a raw frame whose overscan strip holds charge and tells no level.

Trails of saturated stars and bad transfer fill the strip of some rows from end to end, where no
rejection of outliers within the row helps. Such a level is far from those of the lines around,
and the pixels that see light do not share the step, as they do where the electronics moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

__all__ = ["replaced"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: lines on either side that a level is compared with
_AROUND = 50

#: a level further than this from those around it is not that of the electronics [sigma of a level]
_UNLIKE = 10.0

#: fraction of a step that the pixels that see light share where it is one of the electronics
_SHARED = 0.5


def replaced(
    levels: NDArray[np.float32], error: float, light: NDArray[np.generic], start: int
) -> tuple[NDArray[np.float32], int]:
    """Return the levels of lines, those with charge in their strip replaced, and how many.

    Parameters
    ----------
    levels : ndarray of float32, shape (n,), ADU
        One per line; NaN if there is none. Not modified.
    error : float, ADU
        Noise of one level.
    light : ndarray, shape (m, k), ADU
        Pixels of the frame that see light, one row per line of the whole frame.
    start : int
        Line of the frame the first level belongs to.
    """
    # scatter of a level from the steps between lines, pattern noise of the electronics included
    steps = np.abs(np.diff(levels))
    steps = steps[np.isfinite(steps)]
    if steps.size == 0:
        return levels, 0
    limit = _UNLIKE * max(1.4826 * float(np.median(steps)) / 2**0.5, error)
    # charge begins somewhere: without a large step between two lines there is none
    if not (steps > limit).any():
        return levels, 0
    around = _around(levels)
    far = np.flatnonzero(np.abs(levels - around) > limit)
    charged = far[~_shared(light, far + start, (levels - around)[far])]
    found = levels.copy()
    found[charged] = np.nan
    found[charged] = _around(found)[charged]
    return found, int(charged.size)


def _around(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median of the levels around each line, the lines mirrored at the ends."""
    known = np.where(np.isfinite(levels), levels, np.float32(np.nanmedian(levels)))
    padded = np.pad(known, _AROUND, mode="reflect" if levels.size > 1 else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _AROUND + 1)
    middle: NDArray[np.float32] = np.median(windows, axis=1)
    return middle


def _shared(
    light: NDArray[np.generic], far: NDArray[np.intp], excess: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return which steps the pixels that see light share."""
    apart = set(far.tolist())
    shared = np.zeros(far.size, np.bool_)
    for number, line in enumerate(far):
        lines = range(max(0, line - _AROUND), min(light.shape[0], line + _AROUND + 1))
        near = [one for one in lines if one not in apart][:: _AROUND // 10]
        if near and line < light.shape[0]:
            rise = _level(light[line]) - float(np.median([_level(light[one]) for one in near]))
            shared[number] = rise / excess[number] > _SHARED
    return shared


def _level(line: NDArray[np.generic]) -> float:
    values = line.astype(np.float32)
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else 0.0
