"""The profile of one object: centre, width and sky, by a fit to the pixels around it.

The pixel is taken out of the width, as for `psf_radius`, so a star has the same width wherever
in a pixel its centre is. The box grows with the object; what fills the largest one has no width.

References
----------
Moffat, A. F. J. 1969, A&A 3, 455.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.inspect.spot import Box, Spot

    Values = NDArray[np.float64]

__all__ = ["FLAT", "FLAT_PIXELS", "Profile", "binned", "centroid", "measure"]

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

#: exponents of Moffat profiles lie between 1.2 and this more; very nearly a Gaussian
SLOPE_LEAST, SLOPE_MOST = 1.2, 50.0

#: places [pixel] and weights of Gauss and Legendre for the integral over a pixel
NODES = ((-math.sqrt(0.15), 5 / 18), (0.0, 8 / 18), (math.sqrt(0.15), 5 / 18))


@dataclass(frozen=True, kw_only=True)
class Profile:
    """An object and the pixels around it.

    Attributes
    ----------
    x, y : float
        FITS pixel coordinates of the centre.
    fwhm : float, pixel
        Full width at half maximum, the pixel taken out; NaN where none can be told.
    sky : float
        Median of the pixels from `sky_radius` on.
    sky_radius : float, pixel
        Where the sky begins.
    light, distance : ndarray of float64, shape (n,)
        Finite pixels above the sky, and how far from the centre they are [pixel].
    filled : bool
        Whether the object fills the largest box: then there is no sky around it.
    """

    x: float
    y: float
    fwhm: float
    sky: float
    sky_radius: float
    light: Values
    distance: Values
    filled: bool = False


def measure(spot: Spot) -> Profile | None:
    """Return the profile of the object at a place, None where no pixel is finite.

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
            return Profile(**{**vars(found), "fwhm": math.nan, "filled": True})
        half = min(max(wanted, half + 5), MOST)
        beyond = max(SKY_RADIUS, half * SKY_WIDTHS / HALF_WIDTHS)


def _in(box: Box, x: float, y: float, beyond: float) -> Profile:
    """Return the profile of the object near (x, y) in a box, the sky beginning `beyond`."""
    x, y = centroid(box, x, y)
    good = np.isfinite(box.pixels)
    columns, rows = np.meshgrid(box.x.astype(np.float64), box.y.astype(np.float64))
    columns, rows, pixels = columns[good], rows[good], box.pixels[good]
    distance = np.hypot(columns - x, rows - y)
    outside = distance > beyond
    sky = float(np.median(pixels[outside])) if outside.any() else float(pixels.min())
    light = pixels - sky
    width = _width(*binned(distance, light))
    if math.isfinite(width):
        near = distance <= max(FITTED * width, LEAST)
        x, y, width = _fit(columns[near], rows[near], light[near], (x, y, width))
        distance = np.hypot(columns - x, rows - y)
    return Profile(
        x=x, y=y, fwhm=width, sky=sky, sky_radius=beyond, light=light, distance=distance
    )


def _fit(
    columns: Values, rows: Values, light: Values, start: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return centre and width of the round Moffat profile that describes pixels best.

    I(r) = A [1 + (r / a)**2]**-b, so that FWHM = 2 a sqrt(2**(1 / b) - 1); integrated over each
    pixel. A flat top is left out. The start is returned, without width, where no fit ends well.
    """
    from scipy.optimize import least_squares

    x, y, width = start
    top = float(light.max())
    flat = light >= FLAT * top
    if np.count_nonzero(flat) >= FLAT_PIXELS:
        columns, rows, light = columns[~flat], rows[~flat], light[~flat]
    if light.size < 8 or not top > 0:
        return x, y, math.nan

    def residual(p: Values) -> Values:
        beta = SLOPE_LEAST + math.exp(min(p[4], math.log(SLOPE_MOST)))
        # 1 / a**2 of a profile of that width
        narrow = 4 * (2 ** (1 / beta) - 1) * math.exp(-2 * min(max(p[3], -3.0), 9.0))
        model = np.zeros_like(light)
        for step, share in NODES:
            across = (columns - x - p[1] + step) ** 2
            for other, part in NODES:
                r2 = across + (rows - y - p[2] + other) ** 2
                model += share * part * (1 + narrow * r2) ** -beta
        result: Values = p[0] * model - light / top
        return result

    found = least_squares(
        residual, [1.0, 0.0, 0.0, math.log(width), 1.0], xtol=1e-5, ftol=1e-7, max_nfev=40
    )
    height, dx, dy, size, _ = found.x
    if not (height > 0 and math.hypot(dx, dy) < width and 0.2 < math.exp(size) < 4 * width):
        return x, y, math.nan
    return x + float(dx), y + float(dy), math.exp(size)


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
