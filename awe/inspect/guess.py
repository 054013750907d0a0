"""A first guess of the object at a place: its centre, its width, and the sky around it.

The box grows with the object; what fills the largest one has no width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from awe.inspect import ellipse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.inspect.spot import Box, Spot

    Values = NDArray[np.float64]

__all__ = ["MOST", "SLOPE", "Guess", "binned", "centroid", "flat_top", "guess"]

#: half the side of the box of a narrow object, and where its sky begins [pixel]
HALF, SKY_RADIUS = 15, 11.0

#: the same of a wide one, in widths; half the side of the largest box [pixel]
HALF_WIDTHS, SKY_WIDTHS = 3.5, 2.5
MOST = 100

#: radius in which the centre of light is looked for [pixel]
CENTROID_RADIUS = 6.0

#: radius of the pixels that are fitted, in widths; at least [pixel]
FITTED, LEAST = 1.2, 3.5

#: a number of pixels as bright as the brightest, within this ratio, make a flat top
FLAT = 0.999
FLAT_PIXELS = 5

#: exponent of the profile the fit begins with
SLOPE = 4.0


@dataclass(frozen=True, kw_only=True)
class Guess:
    """An object as it is first seen.

    Attributes
    ----------
    x, y : float
        FITS pixel coordinates of the centre.
    fwhm : float, pixel
        Full width at half maximum, the pixel taken out; NaN where none can be told.
    sky : float
        Median of the pixels far from the centre.
    filled : bool
        Whether the object fills the largest box: then there is no sky around it.
    """

    x: float
    y: float
    fwhm: float
    sky: float
    filled: bool = False


def guess(spot: Spot) -> Guess | None:
    """Return a first guess of the object at a place, None where no pixel is finite.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    """
    half, beyond = HALF, SKY_RADIUS
    while True:
        box = spot.box(half)
        if box.finite.size == 0:
            return None
        found = _in(box, spot.x, spot.y, beyond)
        wanted = math.ceil(HALF_WIDTHS * found.fwhm) if math.isfinite(found.fwhm) else 0
        if wanted <= half:
            return found
        if half == MOST:
            return replace(found, fwhm=math.nan, filled=True)
        half = min(max(wanted, half + 5), MOST)
        beyond = max(SKY_RADIUS, half * SKY_WIDTHS / HALF_WIDTHS)


def _in(box: Box, x: float, y: float, beyond: float) -> Guess:
    """Return the guess of the object near (x, y) in a box, the sky beginning `beyond`."""
    x, y = centroid(box, x, y)
    good = np.isfinite(box.pixels)
    columns, rows = np.meshgrid(box.x.astype(np.float64), box.y.astype(np.float64))
    columns, rows, pixels = columns[good], rows[good], box.pixels[good]
    distance = np.hypot(columns - x, rows - y)
    outside = distance > beyond
    sky = float(np.median(pixels[outside])) if outside.any() else float(pixels.min())
    light = pixels - sky
    width = _width(*binned(distance, light))
    if not math.isfinite(width):
        return Guess(x=x, y=y, fwhm=width, sky=sky)
    near = distance <= max(FITTED * width, LEAST)
    near &= ~flat_top(light, near)
    top = float(light[near].max(initial=0.0))
    start = ellipse.Ellipse(
        x=x, y=y, height=top, fwhm=width, ellipticity=0.0, angle=0.0, beta=SLOPE
    )
    found = ellipse.fit(columns[near], rows[near], light[near], start, circular=True)
    if found is None:
        return Guess(x=x, y=y, fwhm=math.nan, sky=sky)
    return Guess(x=found.x, y=found.y, fwhm=found.fwhm, sky=sky)


def flat_top(values: Values, near: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of the pixels near an object make a flat top: some as bright as the brightest.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Values of pixels.
    near : ndarray of bool, shape (n,)
        Those that count.
    """
    if not near.any():
        return near
    top = float(values[near].max())
    flat: NDArray[np.bool_] = near & (values >= top - abs(top) * (1 - FLAT))
    return flat if np.count_nonzero(flat) >= FLAT_PIXELS else np.zeros_like(flat)


def centroid(box: Box, x: float, y: float) -> tuple[float, float]:
    """Return the first moment of the light above the sky, near (x, y).

    Starts at the brightest pixel within 6 pixels of (x, y) and iterates the moment in a circle
    of that radius, whose pixels on the rim count by the part that lies inside. If there is no
    light above the median, the start is returned.

    Parameters
    ----------
    box : Box
        Pixels around the pointer.
    x, y : float
        FITS pixel coordinates of the start.
    """
    floor = float(np.median(box.finite))
    light = np.where(np.isfinite(box.pixels), box.pixels - floor, 0.0)
    near = np.hypot(box.x[None, :] - x, box.y[:, None] - y) <= CENTROID_RADIUS
    if not near.any():
        return x, y
    row, col = np.unravel_index(np.argmax(np.where(near, light, -np.inf)), light.shape)
    cx, cy = float(box.x[col]), float(box.y[row])
    for _ in range(10):
        distance = np.hypot(box.x[None, :] - cx, box.y[:, None] - cy)
        circle = np.clip(CENTROID_RADIUS + 0.5 - distance, 0.0, 1.0)
        # x = sum(w x_i) / sum(w) with w the light above the median, not below 0, within the
        # circle; the same in y. The circle then moves there.
        weight = circle * np.clip(light, 0.0, None)
        total = weight.sum()
        if total <= 0:
            return cx, cy
        nx = float((weight * box.x[None, :]).sum() / total)
        ny = float((weight * box.y[:, None]).sum() / total)
        moved = np.hypot(nx - cx, ny - cy)
        cx, cy = nx, ny
        if moved < 1e-3:
            break
    return cx, cy


def binned(distance: Values, light: Values) -> tuple[Values, Values]:
    """Return mean distance and mean light of rings half a pixel wide, empty ones left out.

    Parameters
    ----------
    distance : ndarray of float64, shape (n,)
        How far from the centre pixels are [pixel].
    light : ndarray of float64, shape (n,)
        Their values.
    """
    width = 0.5
    index = (distance / width).astype(int)
    count = np.bincount(index)
    filled = count > 0
    mean = np.bincount(index, weights=light)[filled] / count[filled]
    # The mean distance in the ring, not its middle: inner rings have few pixels.
    radius = np.bincount(index, weights=distance)[filled] / count[filled]
    return radius, mean


def _width(radius: Values, mean: Values) -> float:
    """Return the width read from rings: where the fit begins."""
    if mean.size < 2 or mean[0] <= 0:
        return math.nan
    half = mean[0] / 2
    below = np.flatnonzero(mean < half)
    if below.size == 0 or below[0] == 0:
        return math.nan
    i = int(below[0])
    # r_half = r_(i-1) + s (r_i - r_(i-1)), s = (m_(i-1) - m_0 / 2) / (m_(i-1) - m_i): a straight
    # line between the rings around half the innermost mean. FWHM = 2 r_half.
    share = (mean[i - 1] - half) / (mean[i - 1] - mean[i])
    return float(2 * (radius[i - 1] + share * (radius[i] - radius[i - 1])))
