"""Light in small circles: the surface through all pixels, and not the squares at their places.

A circle of pixels holds parts of the squares at its edge, and what these parts hold depends on
where in its pixel a source is: half a per cent for a circle of 3 pixels and a star of 4, more than
the noise of bright stars. The cubic spline through the pixels has no squares.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

from typing import Any

import numpy as np

from awe.calib._jit import compiled

__all__ = ["in_discs"]

#: pole of the filter that makes the numbers of a cubic spline, 3**0.5 - 2, and the pixels around a
# circle that it needs: 0.27**7 is a ten thousandth
_POLE = 3**0.5 - 2
_AROUND = 7

#: pixels around a circle that must be good
_GOOD = 2

#: rings, with Gauss's places and weights, and points of each
_RINGS, _POINTS = 6, 24


@compiled
def _filtered(line, n):
    """Turn the first n values of a line into the numbers of the spline through them."""
    for k in range(n):
        line[k] *= 6.0
    first = line[0]
    power = _POLE
    for k in range(1, n):
        first += power * line[k]
        power *= _POLE
    line[0] = first
    for k in range(1, n):
        line[k] += _POLE * line[k - 1]
    line[n - 1] = _POLE / (_POLE * _POLE - 1.0) * (_POLE * line[n - 2] + line[n - 1])
    for k in range(n - 2, -1, -1):
        line[k] = _POLE * (line[k + 1] - line[k])


@compiled
def _weights(t, out):
    """Fill the four weights of a cubic spline at a place t beyond a pixel."""
    s = 1.0 - t
    out[0] = s * s * s / 6.0
    out[1] = 2.0 / 3.0 - 0.5 * t * t * (2.0 - t)
    out[2] = 2.0 / 3.0 - 0.5 * s * s * (2.0 - s)
    out[3] = t * t * t / 6.0


@compiled
def _sums(image, bad, x, y, radius, rings, weights, points, found):
    ny, nx = image.shape
    reach = int(radius) + 1 + _AROUND
    side = 2 * reach + 1
    cut = np.empty((side, side))
    line = np.empty(side)
    across, up = np.empty(4), np.empty(4)
    for k in range(x.size):
        i0, j0 = int(np.rint(x[k])) - reach, int(np.rint(y[k])) - reach
        found[k] = np.nan
        if i0 < 0 or j0 < 0 or i0 + side > nx or j0 + side > ny:
            continue
        whole = True
        for j in range(_AROUND - _GOOD, side - _AROUND + _GOOD):
            for i in range(_AROUND - _GOOD, side - _AROUND + _GOOD):
                whole &= not bad[j0 + j, i0 + i]
        if not whole:
            continue
        for j in range(side):
            for i in range(side):
                line[i] = image[j0 + j, i0 + i]
            _filtered(line, side)
            cut[j] = line
        for i in range(side):
            for j in range(side):
                line[j] = cut[j, i]
            _filtered(line, side)
            for j in range(side):
                cut[j, i] = line[j]
        total = 0.0
        for ring in range(rings.size):
            part = 0.0
            for p in range(points.shape[0]):
                u = x[k] - i0 + radius * rings[ring] * points[p, 0]
                v = y[k] - j0 + radius * rings[ring] * points[p, 1]
                i, j = int(u), int(v)
                _weights(u - i, across)
                _weights(v - j, up)
                for b in range(4):
                    for a in range(4):
                        part += up[b] * across[a] * cut[j + b - 1, i + a - 1]
            total += weights[ring] * part
        found[k] = total * radius * radius


def in_discs(image: Any, bad: Any, x: Any, y: Any, radius: float) -> Any:
    """Return the light in circles, of the cubic spline through the pixels.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Pixels in any unit.
    bad : ndarray of bool, shape (ny, nx)
        Pixels that may not be used.
    x, y : ndarray of float64, shape (n,), pixel
        Middles of the circles, from 0.
    radius : float, pixel
        Their radius.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of the image; NaN where a pixel in or next to the circle may not be used, or
        the edge of the image is within eight pixels of it.

    Examples
    --------
    >>> level = np.full((40, 40), 2.0, np.float32)
    >>> place = np.array([20.3])
    >>> float(in_discs(level, level < 0, place, place, 2.0)[0] / np.pi).__round__(4)
    8.0
    """
    at, weights = np.polynomial.legendre.leggauss(_RINGS)
    rings = (at + 1) / 2
    angle = 2 * np.pi * np.arange(_POINTS) / _POINTS
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    found = np.empty(x.size)
    _sums(
        image, bad, np.asarray(x, np.float64), np.asarray(y, np.float64), float(radius), rings,
        weights / 2 * rings * 2 * np.pi / _POINTS, points, found,
    )  # fmt: skip
    return found
