"""Keys that measure one object: aperture photometry, radial profile, curve of growth."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from awe.inspect.guess import binned
from awe.inspect.overlap import inside_circle
from awe.inspect.spot import Reading, Spot
from awe.inspect.star import Star, measure
from awe.inspect.stretch import drawable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["aperture", "growth", "profile_numbers", "quick", "radial_profile"]

Values = NDArray[np.float64]

NOTHING = Reading(values={"pixels": 0}, text="no finite pixel here")
#: quantities that are in the table and not in the printed line
UNSAID = {"ra", "dec", "inside", "mag_error", "fwhm_gauss", "sky_noise"}
#: curve of growth: its radius in FWHM, its steps
GROWN, STEPS = 5.0, 50


def aperture(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return the photometry of the object under the pointer, with its shape.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    star = measure(spot)
    return NOTHING if star is None else _read(spot, star)


def quick(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return place, flux, magnitude and width of the object under the pointer, in a short line.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    star = measure(spot)
    if star is None:
        return NOTHING
    found = _read(spot, star)
    short = {k: found.values[k] for k in ("x_centre", "y_centre", "flux", "mag", "snr", "fwhm")}
    return Reading(values=found.values, text=_told(short), warning=found.warning)


def radial_profile(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Plot pixel value against distance from the centre of the object at the pointer.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    star = measure(spot)
    if star is None:
        return NOTHING
    radius, mean = binned(star.distance, star.above)
    _draw_profile(figure(), star, radius, mean)
    return _read(spot, star, peak=float(mean[0]))


def profile_numbers(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Return what the radial profile tells, without a plot.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    star = measure(spot)
    if star is None:
        return NOTHING
    return _read(spot, star, peak=float(binned(star.distance, star.above)[1][0]))


def growth(spot: Spot, figure: Callable[[], Figure]) -> Reading:
    """Plot the light within a radius against the radius.

    Parameters
    ----------
    spot : Spot
        Place of the pointer, with the pixels around it.
    figure : callable
        Function that returns a figure to draw in.
    """
    star = measure(spot)
    if star is None:
        return NOTHING
    width = star.fwhm if math.isfinite(star.fwhm) else 3.0
    largest = min(spot.settings.grow or GROWN * width, float(star.distance.max()) / math.sqrt(2))
    radii = np.linspace(largest / STEPS, largest, STEPS)
    dx, dy = star.x_pixels - star.x, star.y_pixels - star.y
    light = np.array([float((inside_circle(dx, dy, r) * star.above).sum()) for r in radii])
    half = _half_light(radii, light, star.flux)
    axes = figure().add_subplot()
    axes.plot(radii, drawable(light), ".-", color="#1f4e79", markersize=4, linewidth=1)
    axes.axhline(star.flux, color="#c0392b", linewidth=0.8, label=f"flux {star.flux:.6g}")
    axes.axvline(star.radius, color="0.6", linewidth=0.8, label=f"radius {star.radius:.2f}")
    if math.isfinite(half):
        axes.axvline(half, color="0.6", linestyle=":", label=f"half of the light {half:.2f}")
    axes.set_xlabel("radius [pixel]")
    axes.set_ylabel("light within the radius")
    axes.legend(frameon=False)
    found = _read(spot, star)
    values = {"x_centre": star.x, "y_centre": star.y, "flux": star.flux, "half_light": half,
              "fwhm": star.fwhm, "sky": star.sky}  # fmt: skip
    return Reading(values=values, warning=found.warning)


def _half_light(radii: Values, light: Values, flux: float) -> float:
    """Return the radius within which half of the light is; NaN without any."""
    above = np.flatnonzero(light >= flux / 2)
    if flux <= 0 or above.size == 0:
        return math.nan
    i = int(above[0])
    if i == 0:
        return float(radii[0])
    # a straight line between the two radii around one half
    share = (flux / 2 - light[i - 1]) / (light[i] - light[i - 1])
    return float(radii[i - 1] + share * (radii[i] - radii[i - 1]))


def _read(spot: Spot, star: Star, *, peak: float | None = None) -> Reading:
    """Return the numbers of a star."""
    profile, gaussian = star.profile, star.gaussian
    nan = math.nan
    bright = star.flux > 0
    values: dict[str, float] = {
        "x_centre": star.x,
        "y_centre": star.y,
        "fwhm": star.fwhm,
        "fwhm_gauss": gaussian.fwhm if gaussian else nan,
        "beta": profile.beta if profile else nan,
        "ellipticity": profile.ellipticity if profile else nan,
        "angle": profile.angle if profile else nan,
        "flux": star.flux,
        "mag": spot.settings.magzero - 2.5 * math.log10(star.flux) if bright else nan,
        # d mag = 2.5 / ln 10 d flux / flux
        "mag_error": 2.5 / math.log(10) / star.signal_to_noise if bright else nan,
        "snr": star.signal_to_noise,
        "inside": star.inside,
        "radius": star.radius,
        "peak": star.peak if peak is None else peak,
        "sky": star.sky,
        "sky_noise": star.noise,
    }
    if spot.facts.sky is not None:
        values["ra"], values["dec"] = spot.facts.sky(star.x, star.y)
        values["fwhm_sky"] = star.fwhm * spot.facts.sky.scale
    return Reading(values=values, text=_told(values), warning="; ".join(star.doubts))


def _told(values: dict[str, float]) -> str:
    """Return the line that is printed: what is known, and of a place in words of its table."""
    kept = {k: v for k, v in values.items() if math.isfinite(v) and k not in UNSAID}
    return "  ".join(f"{name} {value:.6g}" for name, value in kept.items())


def _draw_profile(figure: Figure, star: Star, radius: Values, mean: Values) -> None:
    axes = figure.add_subplot()
    above = drawable(star.above)
    axes.plot(star.distance, above, ".", color="#7f8c8d", markersize=3, label="pixels")
    axes.plot(radius, drawable(mean), color="#1f4e79", linewidth=1.5, label="mean")
    if star.profile is not None:
        curve = np.linspace(0, star.ring[0], 200)
        axes.plot(curve, star.profile.at(curve), color="#27ae60", linewidth=1, label="Moffat")
        label = f"FWHM {star.fwhm:.2f} pixel"
        axes.axvline(star.fwhm / 2, color="#c0392b", linewidth=1, label=label)
    axes.axhline(0, color="0.7", linewidth=0.8)
    axes.set_xlim(0, star.ring[0] + 1)
    axes.set_xlabel("distance from the centre [pixel]")
    axes.set_ylabel("pixel value above sky")
    axes.legend(frameon=False)
