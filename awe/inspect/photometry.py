"""Measurements at the pointer: pixel value, neighbours, box statistics, radial profile.

Quick looks for the eye, not the pipeline's photometry: apertures and boxes have fixed sizes,
stated in each function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from awe.inspect import moffat
from awe.inspect.spot import Reading, Spot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from awe.inspect.moffat import Profile

__all__ = ["pixel_value", "radial_profile", "statistics", "values"]

STATISTICS_HALF = 25
#: radius of the aperture of the flux [pixel]
FLUX_RADIUS = 6.0
#: times the noise from which light is an object's
SIGNIFICANT = 5.0


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

    The sky is the median of the pixels more than 11 pixels from the centroid, of a wide object
    more than 2.5 of its widths; the flux is the sum within 6 pixels less that sky; centroid and
    full width at half maximum are those of a round Moffat profile, integrated over pixels.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    seen = moffat.measure(spot)
    if seen is None:
        return Reading(values={"pixels": 0}, text="no finite pixel here")
    inside = seen.light[seen.distance <= FLUX_RADIUS]
    radius, mean = moffat.binned(seen.distance, seen.light)
    _draw_profile(figure(), seen, radius, mean)
    return Reading(
        values={
            "x_centre": seen.x,
            "y_centre": seen.y,
            "fwhm": seen.fwhm,
            "flux": float(inside.sum()),
            "peak": float(mean[0]),
            "sky": seen.sky,
        },
        warning=_doubt(inside, seen),
    )


def _doubt(light: NDArray[np.float64], seen: Profile) -> str:
    """Return why a profile may mean nothing, from the light of the object and what is around."""
    if seen.filled:
        return "the object fills the box: no sky around it"
    sky = seen.light[seen.distance > seen.sky_radius]
    if light.size == 0 or sky.size == 0:
        return ""
    # For Gaussian noise sigma is 1.4826 times the median deviation. The sum of N pixels of the sky
    # deviates by sigma sqrt(N).
    noise = 1.4826 * float(np.median(np.abs(sky)))
    if light.sum() < SIGNIFICANT * noise * np.sqrt(light.size):
        return "no object here: the light is within the noise of the sky"
    top = float(light.max())
    flat = np.count_nonzero(light >= moffat.FLAT * top) >= moffat.FLAT_PIXELS
    return "the top is flat: saturated?" if flat and top > SIGNIFICANT * noise else ""


def _draw_profile(
    figure: Figure, seen: Profile, radius: NDArray[np.float64], mean: NDArray[np.float64]
) -> None:
    axes = figure.add_subplot()
    axes.plot(seen.distance, seen.light, ".", color="#7f8c8d", markersize=3, label="pixels")
    axes.plot(radius, mean, color="#1f4e79", linewidth=1.5, label="mean")
    if np.isfinite(seen.fwhm):
        label = f"FWHM {seen.fwhm:.2f} pixel"
        axes.axvline(seen.fwhm / 2, color="#c0392b", linewidth=1, label=label)
    axes.axhline(0, color="0.7", linewidth=0.8)
    axes.set_xlim(0, max(moffat.HALF, 1.2 * seen.sky_radius))
    axes.set_xlabel("distance from the centroid [pixel]")
    axes.set_ylabel("pixel value above sky")
    axes.legend(frameon=False)
