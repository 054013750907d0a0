"""Keys that fit a Gaussian along a line or a column through the pointer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from awe.inspect.spot import Reading, Spot
from awe.inspect.stretch import drawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["along_column", "along_line"]

Values = NDArray[np.float64]

#: values that a fit of four numbers needs
FEWEST = 6
#: FWHM of a Gaussian in its standard deviations
FWHM = 2 * math.sqrt(2 * math.log(2))


def along_line(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Fit a Gaussian and a level to the mean of the lines through the pointer.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    return _fitted(spot, figure, along_x=True)


def along_column(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Fit a Gaussian and a level to the mean of the columns through the pointer.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    return _fitted(spot, figure, along_x=False)


def _fitted(spot: Spot, figure: Callable[[], Figure], *, along_x: bool) -> Reading:
    where, values, middle = _means(spot, along_x=along_x)
    number = spot.row + spot.first[1] if along_x else spot.column + spot.first[0]
    name = "line" if along_x else "column"
    if values.size == 0:
        return Reading(values={name: number, "pixels": 0}, text="no finite pixel here")
    found = _gaussian(where, values, middle)
    axes = figure().add_subplot()
    axes.step(where, drawable(values), where="mid", color="#1f4e79", linewidth=0.8)
    axes.set_xlabel("x [pixel]" if along_x else "y [pixel]")
    axes.set_ylabel("pixel value")
    mean = f"mean of {spot.settings.average} {name}s round {number}"
    axes.set_title(mean, fontsize="medium", loc="left")
    if found is None:
        nan = math.nan
        values_told = {name: number, "centre": nan, "fwhm_gauss": nan, "height": nan, "sky": nan}
        return Reading(values=values_told, warning="no Gaussian fits here")
    fine = np.linspace(where[0] - 0.5, where[-1] + 0.5, 300)
    height, centre, sigma, sky = found
    axes.plot(fine, sky + height * _in_pixels(fine - centre, sigma), color="#c0392b", linewidth=1)
    return Reading(
        values={name: number, "centre": centre, "fwhm_gauss": FWHM * sigma, "height": height,
                "sky": sky},
    )  # fmt: skip


def _means(spot: Spot, *, along_x: bool) -> tuple[Values, Values, float]:
    """Return places, means across the lines, and the place of the pointer along them."""
    chosen = spot.settings
    before = (chosen.average - 1) // 2
    after = chosen.average - before
    ny, nx = spot.pixels.shape
    row, column = spot.row, spot.column
    if along_x:
        low, high = max(column - chosen.reach, 0), min(column + chosen.reach + 1, nx)
        part = spot.pixels[max(row - before, 0) : row + after, low:high]
        first, middle = spot.first[0], spot.x
    else:
        low, high = max(row - chosen.reach, 0), min(row + chosen.reach + 1, ny)
        part = spot.pixels[low:high, max(column - before, 0) : column + after].T
        first, middle = spot.first[1], spot.y
    part = np.asarray(part, dtype=np.float64)
    good = np.isfinite(part)
    number = good.sum(axis=0)
    means = np.where(good, part, 0.0).sum(axis=0) / np.maximum(number, 1)
    kept = number > 0
    return (np.arange(low, high) + float(first))[kept], means[kept], middle


def _gaussian(where: Values, values: Values, middle: float) -> tuple[float, ...] | None:
    """Return height, centre, standard deviation and level of the Gaussian that fits best.

    The Gaussian is integrated over each pixel: with erf at its edges.
    """
    from scipy.optimize import least_squares

    if values.size < FEWEST or not np.ptp(values) > 0:
        return None
    sky = float(np.median(values))
    near = np.abs(where - middle) <= 5
    if not near.any():
        return None
    top = int(np.flatnonzero(near)[np.argmax(values[near])])
    height = float(values[top]) - sky
    if height <= 0:
        return None
    light = np.clip(values - sky, 0, None)
    start = max(float(light.sum()) / height / math.sqrt(2 * math.pi), 0.6)

    def residual(p: Values) -> Values:
        sigma = math.exp(min(max(p[2], -2.0), 6.0))
        model = p[0] * _in_pixels(where - where[top] - p[1], sigma) + p[3]
        left: Values = model - (values - sky) / height
        return left

    found = least_squares(
        residual, [1.0, 0.0, math.log(min(start, 6.0)), 0.0], xtol=1e-8, max_nfev=100
    )
    part, moved, size, level = (float(value) for value in found.x)
    sigma = math.exp(size)
    if not (part > 0 and abs(moved) <= 5 and 0.15 < sigma < np.ptp(where)):
        return None
    return part * height, float(where[top]) + moved, sigma, sky + level * height


def _in_pixels(distance: Values, sigma: float) -> Values:
    """Return a Gaussian of height 1 averaged over pixels at a distance from its centre."""
    from scipy.special import erf

    scale = 1 / (sigma * math.sqrt(2))
    part: Values = erf((distance + 0.5) * scale) - erf((distance - 0.5) * scale)
    return part * (sigma * math.sqrt(math.pi / 2))
