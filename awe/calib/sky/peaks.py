"""Compiled search for pixels above a level that none of their neighbours exceeds."""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

from typing import Any

import numpy as np

from awe.calib._jit import compiled

__all__ = ["is_highest", "peaks"]

#: pixels looked at together: where none of them stands out there is nothing to do
_RUN = 64


@compiled
def is_highest(image, y, x):
    """Return True if no pixel of the 3 x 3 around a place is higher.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Any real dtype.
    y, x : int
        Place, not at an edge.
    """
    # p >= all of 3 x 3: equal neighbours are each a peak
    for yy in range(y - 1, y + 2):
        for xx in range(x - 1, x + 2):
            # not: lower; a neighbour without a value leaves the question open
            if not image[y, x] >= image[yy, xx]:
                return False
    return True


@compiled
def _peaks(image, level, margin, places):
    ny, nx = image.shape
    n = 0
    for y in range(margin, ny - margin):
        for first in range(margin, nx - margin, _RUN):
            part = image[y, first : min(first + _RUN, nx - margin)]
            high = np.uint8(0)
            for k in range(part.size):
                # one bit for 64 comparisons, without a branch; NaN > level is false
                high |= np.uint8(part[k] > level)
            if high:
                for k in range(part.size):
                    if part[k] > level and is_highest(image, y, first + k):
                        places[n] = y * nx + first + k
                        n += 1
    return n


def peaks(image: Any, level: float, margin: int) -> tuple[Any, Any]:
    """Return rows and columns of the peaks above a level, away from the edges.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype
        Neighbours of a pixel that is not a number are not peaks.
    level : float
        In the unit of the image.
    margin : int, pixel
        At least 1; peaks nearer to an edge are left out.
    """
    # untouched pages of this list cost nothing
    places = np.empty(image.size, np.int64)
    found = places[: _peaks(np.ascontiguousarray(image), np.float32(level), margin, places)]
    return found // image.shape[1], found % image.shape[1]
