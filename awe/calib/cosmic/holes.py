"""Compiled filling of `cosmic`: pixels without a value of their own get one from around.

A constant in their place would be a hole in every star, and its rim sharper than any star. Only
the list of missing pixels is gone through, and only good pixels count: their order does not
matter, and a frame that is flipped, shifted or cut is filled in the same way.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled

__all__ = ["fill"]

#: longest gap [pixel] bridged by a straight line; stars are curved over more
_BRIDGE = 9

#: largest square whose median is taken: this far to each side [pixel]
_SQUARE = 3

_NAN = np.float32(np.nan)


@compiled
def _middle(values, n):
    """Return the median of the first n values, which are sorted; the mean of two for even n."""
    for k in range(1, n):
        value = values[k]
        j = k
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
    return np.float32(0.5) * (values[(n - 1) // 2] + values[n // 2])


@compiled
def _bridged(c, y, x, left, right, above, below):
    """Return the straight line across the shorter gap, the mean of both if equal, or NaN."""
    ny, nx = c.shape
    across = right - left if left >= 0 and right < nx else nx + ny
    down = below - above if above >= 0 and below < ny else nx + ny
    if min(across, down) > _BRIDGE + 1:
        return _NAN
    total = np.float32(0)
    number = 0
    # v = (a d_b + b d_a) / (d_a + d_b): the nearer end counts more
    if across <= down:
        ends = c[y, left] * np.float32(right - x) + c[y, right] * np.float32(x - left)
        total += ends / np.float32(across)
        number += 1
    if down <= across:
        ends = c[above, x] * np.float32(below - y) + c[below, x] * np.float32(y - above)
        total += ends / np.float32(down)
        number += 1
    return total / np.float32(number)


@compiled
def _around(c, y, x, values):
    """Return the median of the good pixels in the smallest square with any, or NaN."""
    ny, nx = c.shape
    for reach in range(1, _SQUARE + 1):
        n = 0
        for yy in range(max(0, y - reach), min(ny, y + reach + 1)):
            for xx in range(max(0, x - reach), min(nx, x + reach + 1)):
                if c[yy, xx] == c[yy, xx]:
                    values[n] = c[yy, xx]
                    n += 1
        if n:
            return _middle(values, n)
    return _NAN


@compiled
def _sky(c, y, x, left, right, above, below, values):
    """Return the lower median of the nearest good pixels on the four sides, or NaN."""
    ny, nx = c.shape
    n = 0
    if left >= 0:
        values[n] = c[y, left]
        n += 1
    if right < nx:
        values[n] = c[y, right]
        n += 1
    if above >= 0:
        values[n] = c[above, x]
        n += 1
    if below < ny:
        values[n] = c[below, x]
        n += 1
    if n == 0:
        return _NAN
    _middle(values, n)
    # stars and hits at the rim of a hole are brighter than the sky
    return values[(n - 1) // 2]


@compiled
def _before(holes, nx, left, above):
    """Fill the nearest good pixels to the left and above; -1 for none."""
    last = np.full(nx, -2, np.int32)
    carried = np.empty(nx, np.int32)
    for k in range(holes.size):
        y = holes[k] // nx
        x = holes[k] % nx
        # a hole that goes on has the same pixels beyond it
        joined = k > 0 and x > 0 and holes[k - 1] == holes[k] - 1
        left[k] = left[k - 1] if joined else x - 1
        carried[x] = carried[x] if last[x] == y - 1 else y - 1
        last[x] = y
        above[k] = carried[x]


@compiled
def _values(c, holes, left, above, filled):
    """Fill a value for each missing pixel; NaN with no good pixel in sight."""
    nx = c.shape[1]
    values = np.empty((2 * _SQUARE + 1) ** 2, np.float32)
    last = np.full(nx, -2, np.int32)
    carried = np.empty(nx, np.int32)
    right = nx
    for k in range(holes.size - 1, -1, -1):
        y = holes[k] // nx
        x = holes[k] % nx
        joined = k + 1 < holes.size and x + 1 < nx and holes[k + 1] == holes[k] + 1
        right = right if joined else x + 1
        carried[x] = carried[x] if last[x] == y + 1 else y + 1
        last[x] = y
        below = carried[x]
        filled[k] = _bridged(c, y, x, left[k], right, above[k], below)
        if filled[k] != filled[k]:
            filled[k] = _around(c, y, x, values)
        if filled[k] != filled[k]:
            filled[k] = _sky(c, y, x, left[k], right, above[k], below, values)


@compiled
def fill(c, holes):
    """Replace missing pixels by what their surroundings tell; the cost goes with their number.

    A straight line between the nearest good pixels along x or y, across the shorter gap of at
    most 9 pixels; else the median of the good pixels in a square of 3, 5 or 7; else, in large
    holes, the lower median of the nearest good pixels on the four sides.

    Parameters
    ----------
    c : ndarray of float32, shape (ny, nx), electrons
        NaN where a value is missing; these are filled in place.
    holes : ndarray of int32, shape (n,)
        Flat indices of the missing pixels, sorted.
    """
    nx = c.shape[1]
    while holes.size:
        left = np.empty(holes.size, np.int32)
        above = np.empty(holes.size, np.int32)
        filled = np.empty(holes.size, np.float32)
        _before(holes, nx, left, above)
        _values(c, holes, left, above, filled)
        n = 0
        rest = np.empty(holes.size, np.int32)
        for k in range(holes.size):
            if filled[k] == filled[k]:
                c[holes[k] // nx, holes[k] % nx] = filled[k]
            else:
                rest[n] = holes[k]
                n += 1
        # whole rows and columns are missing where these cross: the filled ones are good by now
        if n == holes.size:
            for k in range(n):
                c[rest[k] // nx, rest[k] % nx] = 0
            n = 0
        holes = rest[:n]
