"""Parts of pixels inside a circle, exact.

An aperture that takes pixels whole or not at all jumps by a per cent when its centre moves by a
tenth of a pixel; with exact parts the sum over a flat image is pi r**2 wherever the centre is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["inside_circle"]

Values = NDArray[np.float64]


def inside_circle(dx: Values, dy: Values, radius: float) -> Values:
    """Return the part of each pixel that is inside a circle, 0 to 1.

    Parameters
    ----------
    dx, dy : ndarray of float64, shape (n,)
        Distances of the centres of the pixels from the centre of the circle [pixel].
    radius : float
        Radius of the circle [pixel]; 0 or more.

    Returns
    -------
    ndarray of float64, shape (n,)
        Area of pixel and circle in common.

    Examples
    --------
    >>> y, x = np.mgrid[-9:10, -9:10].astype(float)
    >>> round(float(inside_circle(x.ravel() - 0.3, y.ravel() + 0.2, 5).sum()) / 25, 6)
    3.141593
    """
    distance = np.hypot(dx, dy)
    part = (distance < radius).astype(np.float64)
    # only pixels whose corners may be on either side need the integral
    rim = np.abs(distance - radius) < 0.7072
    if radius <= 0:
        return np.zeros_like(part)
    x, y = dx[rim], dy[rim]
    # The area with X <= x and Y <= y at the four corners, with alternating signs.
    part[rim] = (
        _below_and_left(x + 0.5, y + 0.5, radius)
        - _below_and_left(x - 0.5, y + 0.5, radius)
        - _below_and_left(x + 0.5, y - 0.5, radius)
        + _below_and_left(x - 0.5, y - 0.5, radius)
    )
    return np.clip(part, 0.0, 1.0)


def _below_and_left(x: Values, y: Values, radius: float) -> Values:
    """Return the area of the points of a circle round the origin with X <= x and Y <= y.

    A(x, y) is the integral over X from -r to x of max(0, min(y, s) + s), s = sqrt(r**2 - X**2):
    2 s where the chord ends below y, y + s between the places where it crosses y.
    """
    x, y = np.clip(x, -radius, radius), np.clip(y, -radius, radius)
    crossing = np.sqrt(np.maximum(radius**2 - y**2, 0.0))
    middle = np.clip(x, -crossing, crossing)
    between = y * (middle + crossing) + _half(middle, radius) + _half(crossing, radius)
    left = _half(np.minimum(x, -crossing), radius) + np.pi * radius**2 / 4
    right = _half(np.maximum(x, crossing), radius) - _half(crossing, radius)
    return between + np.where(y > 0, 2 * (left + right), 0.0)


def _half(x: Values, radius: float) -> Values:
    """Return the integral of sqrt(r**2 - X**2) from 0 to x."""
    height = np.sqrt(np.maximum(radius**2 - x**2, 0.0))
    part: Values = 0.5 * (x * height + radius**2 * np.arctan2(x, height))
    return part
