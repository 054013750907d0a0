"""Compiled search for peaks above a local sky that may be stars: whole, and not saturated."""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

from typing import Any

import numpy as np

from awe.calib._jit import compiled
from awe.calib.sky.floor import at
from awe.calib.sky.peaks import is_highest
from awe.calib.threads import bands

__all__ = ["summits"]

#: pixels looked at together: where none of them stands out there is nothing to do
_RUN = 64

#: the level is the same over patches of this many rows and columns
_PATCH = 8

#: no pixel within this distance of a peak may be bad or saturated [pixel]
_WHOLE = 2

#: one in this many pixels may be a peak: enough for noise at 2 sigma
_ROOM = 16

#: brighter peaks are not worth more [sigma]
_BRIGHT = 300.0

#: light of 3 x 3 pixels in peaks that a hit hardly has; weights from this on, and their ends
_LONE, _WORTH = 1.5, (0.05, 3.0)


@compiled
def _levels(limit, y, nx, ny, out):
    """Fill the limit along a row."""
    for first in range(0, nx, _PATCH):
        level = np.float32(at(limit, y, first + 0.5 * _PATCH, ny, nx))
        out[first : first + _PATCH] = level


@compiled
def _is_whole(image, bad, full, y, x):
    for yy in range(y - _WHOLE, y + _WHOLE + 1):
        for xx in range(x - _WHOLE, x + _WHOLE + 1):
            if bad[yy, xx] or image[yy, xx] >= full:
                return False
    return True


@compiled
def _summits(image, bad, limit, full, margin, begin, end, places):
    ny, nx = image.shape
    n = 0
    line = np.empty(nx, np.float32)
    patch = -1
    for y in range(max(begin, margin), min(end, ny - margin)):
        if y // _PATCH != patch:
            patch = y // _PATCH
            # at the middle of the patch, whichever row the search begins with
            _levels(limit, (patch + 0.5) * _PATCH, nx, ny, line)
        for first in range(margin, nx - margin, _RUN):
            last = min(first + _RUN, nx - margin)
            part = image[y, first:last]
            over = line[first:last]
            high = np.uint8(0)
            for k in range(part.size):
                high |= np.uint8(part[k] > over[k])
            if not high:
                continue
            for x in range(first, last):
                if (
                    n < places.size
                    and line[x] < image[y, x] < full
                    and is_highest(image, y, x)
                    and _is_whole(image, bad, full, y, x)
                ):
                    places[n] = y * nx + x
                    n += 1
    return n


@compiled
def _worth(image, places, level, noise, out):
    """Fill the order in which peaks are worth a fit: bright ones with light around them first."""
    ny, nx = image.shape
    for k in range(places.size):
        y = places[k] // nx
        x = places[k] % nx
        sky = at(level, y, x, ny, nx)
        top = image[y, x] - sky
        light = 0.0
        for yy in range(y - 1, y + 2):
            for xx in range(x - 1, x + 2):
                light += image[yy, xx] - sky
        # min(S/N, 300) (light / peak - 1.5): a hit has most of its light in one pixel
        around = min(max(light / top - _LONE, _WORTH[0]), _WORTH[1])
        out[k] = min(top / at(noise, y, x, ny, nx), _BRIGHT) * around


def summits(
    image: Any, bad: Any, sky: Any, *, threshold: float, saturation: float, most: int, margin: int
) -> tuple[Any, int]:
    """Return the flat indices of peaks above the sky, and how many there were.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        With its sky; not modified. Neighbours of a pixel that is not a number are not peaks.
    bad : ndarray of bool, shape (ny, nx)
        No peak is within 2 pixels of one of these.
    sky : Floor
        Its level and noise.
    threshold : float, sigma
        Least height above the sky.
    saturation : float
        No peak is within 2 pixels of one of this value, in the unit of the image.
    most : int
        No more are returned: the brightest, those with light in their neighbours first.
    margin : int, pixel
        Peaks nearer to an edge are left out; at least 2.
    """
    limit = sky.level + np.float32(threshold) * sky.noise

    def some(rows: slice) -> Any:
        # untouched pages of this list cost nothing
        places = np.empty((rows.stop - rows.start) * image.shape[1] // _ROOM + 1, np.int64)
        full = np.float32(saturation)
        number = _summits(image, bad, limit, full, margin, rows.start, rows.stop, places)
        return places[:number]

    places = np.concatenate(bands(some, image.shape[0]))
    number = places.size
    worth = np.empty(number)
    _worth(image, places, sky.level, sky.noise, worth)
    if number > most:
        places = np.sort(places[np.argsort(-worth, kind="stable")[:most]])
    return places, number
