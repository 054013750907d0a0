"""Measurements at the pointer: pixel value, neighbours, box statistics, radial profile.

Quick looks for the eye, not the pipeline's photometry: apertures and boxes have fixed sizes,
stated in each function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from awe.inspect.spot import Box, Reading, Spot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["centroid", "pixel_value", "radial_profile", "statistics", "values"]

STATISTICS_HALF = 25
PROFILE_HALF = 15
CENTROID_RADIUS = 6.0
SKY_RADIUS = 11.0
#: times the noise from which light is an object's
SIGNIFICANT = 5.0
#: a number of pixels as bright as the brightest, within this ratio, make a flat top
FLAT = 0.999
FLAT_PIXELS = 5


def pixel_value(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return the value of the pixel under the pointer.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    value = float(spot.pixels[spot.row, spot.column])
    x = spot.column + spot.first[0]
    y = spot.row + spot.first[1]
    return Reading(values={"value": value}, text=f"({x}, {y}) = {value:.6g}")


def values(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return the 10 x 10 pixel values round the pointer as text, top row first.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    box = spot.box(5, even=True)
    lines = ["y \\ x " + "".join(f"{x:>10d}" for x in box.x)]
    for y, row in zip(box.y[::-1], box.pixels[::-1], strict=True):
        lines.append(f"{y:<6d}" + "".join(f"{value:>10.6g}" for value in row))
    kept = box.finite
    measured = {"pixels": int(kept.size)}
    if kept.size == 0:
        return Reading(values=measured, text="\n".join(lines))
    return Reading(
        values={**measured, "median": float(np.median(kept)), "max": float(kept.max())},
        text="\n".join(lines),
    )


def statistics(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return number, mean, median, deviation and extremes in a box of 51 x 51 pixels.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    kept = spot.box(STATISTICS_HALF).finite
    if kept.size == 0:
        return Reading(values={"pixels": 0}, text="no finite pixel here")
    return Reading(
        values={
            "pixels": int(kept.size),
            "mean": float(kept.mean()),
            "median": float(np.median(kept)),
            "stdev": float(kept.std()),
            "min": float(kept.min()),
            "max": float(kept.max()),
        }
    )


def radial_profile(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Plot pixel value against distance from the centroid of the object at the pointer.

    The sky is the median of the pixels more than 11 pixels from the centroid; the flux is the
    sum within 6 pixels less that sky; the full width at half maximum is read from the profile
    in steps of half a pixel.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    box = spot.box(PROFILE_HALF)
    if box.finite.size == 0:
        return Reading(values={"pixels": 0}, text="no finite pixel here")
    x, y = centroid(box, spot.x, spot.y)
    distance = np.hypot(box.x[None, :] - x, box.y[:, None] - y)
    good = np.isfinite(box.pixels)
    outside = good & (distance > SKY_RADIUS)
    sky = float(np.median(box.pixels[outside])) if outside.any() else float(box.finite.min())
    inside = good & (distance <= CENTROID_RADIUS)
    flux = float((box.pixels[inside] - sky).sum())
    radius, mean = _binned(distance[good], box.pixels[good] - sky)
    fwhm = _width(radius, mean)
    _draw_profile(figure(), distance[good], box.pixels[good] - sky, radius, mean, fwhm)
    return Reading(
        values={
            "x_centre": x,
            "y_centre": y,
            "fwhm": fwhm,
            "flux": flux,
            "peak": float(mean[0]) if mean.size else float("nan"),
            "sky": sky,
        },
        warning=_doubt(box.pixels[inside] - sky, box.pixels[outside] - sky),
    )


def _doubt(light: NDArray[np.float64], sky: NDArray[np.float64]) -> str:
    """Return why a profile may mean nothing, from the pixels of the object and of its sky."""
    if light.size == 0 or sky.size == 0:
        return ""
    # For Gaussian noise sigma is 1.4826 times the median deviation. The sum of N pixels of the sky
    # deviates by sigma sqrt(N).
    noise = 1.4826 * float(np.median(np.abs(sky)))
    if light.sum() < SIGNIFICANT * noise * np.sqrt(light.size):
        return "no object here: the light is within the noise of the sky"
    top = float(light.max())
    if top > SIGNIFICANT * noise and np.count_nonzero(light >= FLAT * top) >= FLAT_PIXELS:
        return "the top is flat: saturated?"
    return ""


def centroid(box: Box, x: float, y: float) -> tuple[float, float]:
    """Return the first moment of the light above the sky, near (x, y).

    Starts at the brightest pixel within 6 pixels of (x, y) and iterates the moment in a circle
    of that radius. If there is no light above the median, the start is returned.

    Parameters
    ----------
    box : Box
        Pixels around the pointer.
    x, y : float
        Zero-based position of the start [pixel].
    """
    floor = float(np.median(box.finite))
    light = np.where(np.isfinite(box.pixels), box.pixels - floor, 0.0)
    near = np.hypot(box.x[None, :] - x, box.y[:, None] - y) <= CENTROID_RADIUS
    if not near.any():
        return x, y
    row, col = np.unravel_index(np.argmax(np.where(near, light, -np.inf)), light.shape)
    cx, cy = float(box.x[col]), float(box.y[row])
    for _ in range(10):
        circle = np.hypot(box.x[None, :] - cx, box.y[:, None] - cy) <= CENTROID_RADIUS
        # x = sum(w x_i) / sum(w) with w the light above the median, not below 0, within the
        # circle; the same in y. The circle then moves there.
        weight = np.where(circle, np.clip(light, 0.0, None), 0.0)
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


def _binned(
    distance: NDArray[np.float64], light: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    width = 0.5
    index = (distance / width).astype(int)
    count = np.bincount(index)
    filled = count > 0
    mean = np.bincount(index, weights=light)[filled] / count[filled]
    # The mean distance in the ring, not its middle: inner rings have few pixels.
    radius = np.bincount(index, weights=distance)[filled] / count[filled]
    return radius, mean


def _width(radius: NDArray[np.float64], mean: NDArray[np.float64]) -> float:
    if mean.size < 2 or mean[0] <= 0:
        return float("nan")
    half = mean[0] / 2
    below = np.flatnonzero(mean < half)
    if below.size == 0 or below[0] == 0:
        return float("nan")
    i = int(below[0])
    # r_half = r_(i-1) + s (r_i - r_(i-1)), s = (m_(i-1) - m_0 / 2) / (m_(i-1) - m_i): a straight
    # line between the rings around half the innermost mean. FWHM = 2 r_half.
    share = (mean[i - 1] - half) / (mean[i - 1] - mean[i])
    return float(2 * (radius[i - 1] + share * (radius[i] - radius[i - 1])))


def _draw_profile(
    figure: Figure,
    distance: NDArray[np.float64],
    light: NDArray[np.float64],
    radius: NDArray[np.float64],
    mean: NDArray[np.float64],
    fwhm: float,
) -> None:
    axes = figure.add_subplot()
    axes.plot(distance, light, ".", color="#7f8c8d", markersize=3, label="pixels")
    axes.plot(radius, mean, color="#1f4e79", linewidth=1.5, label="mean")
    if np.isfinite(fwhm):
        axes.axvline(fwhm / 2, color="#c0392b", linewidth=1, label=f"FWHM {fwhm:.2f} pixel")
    axes.axhline(0, color="0.7", linewidth=0.8)
    axes.set_xlim(0, PROFILE_HALF)
    axes.set_xlabel("distance from the centroid [pixel]")
    axes.set_ylabel("pixel value above sky")
    axes.legend(frameon=False)
