"""Positions of sources: centres of light, windowed where that is safe, with their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import sep

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.extraction.detection import Detected

__all__ = ["Windowed", "error_ellipses", "windowed"]

#: sigma of the window of a source whose half-light radius is 1
_SIGMA = 2 / 2.3548

#: narrowest and widest window [pixel]
_NARROWEST, _WIDEST = 0.7, 12.0

#: parts of a pixel at the edge of the window, along each axis
_PARTS = 5

#: how far a windowed position may be from the centre of light, in half-light radii and pixels
_STRAY, _LEAST_STRAY = 0.5, 0.5


@dataclass(frozen=True, kw_only=True)
class Windowed:
    """Windowed positions of sources; arrays of shape (n,).

    Attributes
    ----------
    x, y : ndarray of float64, pixel
        Zero-based positions; the centre of light where the windowed one cannot be trusted.
    trusted : ndarray of bool
        True where the position is a windowed one.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    trusted: NDArray[np.bool_]


def windowed(
    found: Detected, bad: NDArray[np.bool_], radius: NDArray[np.float64]
) -> Windowed:
    """Return positions weighted by a Gaussian of the size of each source.

    Parameters
    ----------
    found : Detected
        Sources of a frame.
    bad : ndarray of bool, shape (ny, nx)
        True where a pixel may not be used.
    radius : ndarray of float64, shape (n,), pixel
        Half-light radii; NaN if there is none.

    Notes
    -----
    The window of a source in a blend moves to a brighter neighbour. A position that left the
    centre of light by more than half a half-light radius is not taken.
    """
    x, y = found.objects["x"], found.objects["y"]
    size = np.nan_to_num(radius, nan=1.5)
    window = np.clip(size * _SIGMA, _NARROWEST, _WIDEST)
    moved_x, moved_y, bits = sep.winpos(
        found.sky, x, y, window, mask=bad, subpix=_PARTS
    )
    strayed = np.hypot(moved_x - x, moved_y - y) > np.maximum(_STRAY * size, _LEAST_STRAY)
    trusted = ~strayed & (bits == 0) & np.isfinite(moved_x) & np.isfinite(moved_y)
    return Windowed(
        x=np.where(trusted, moved_x, x), y=np.where(trusted, moved_y, y), trusted=trusted
    )


def error_ellipses(
    found: Detected, flux: NDArray[np.float64], gain: float, factor: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return both axes [pixel] and angle [deg] of the ellipses of error of the positions.

    Parameters
    ----------
    found : Detected
        Sources of a frame.
    flux : ndarray of float64, shape (n,), ADU
        Light of the sources.
    gain : float, e-/ADU
        Electrons of a count.
    factor : float
        How much noisier sums of pixels are than those of independent ones.
    """
    one = found.objects
    light = np.maximum(np.where(flux > 0, flux, one["flux"]), 1e-6)
    # A centre weighted by a Gaussian of the size s of a Gaussian source is 2 S(w I x) / S(w I),
    # with S(w I) = f / 2. Photons give it the variance (16/9) s^2 / N, and a sky of noise n
    # 8 pi n^2 s^4 / f^2: S(w^2 x^2) is pi s^4 / 2. The matrix of moments stands for s^2.
    size = np.sqrt(np.maximum(one["x2"] * one["y2"] - one["xy"] ** 2, 0.1))
    photons = np.maximum(gain * found.share, 1e-30) * light
    scale = 16 / 9 / photons + 8 * np.pi * size * (factor * found.spread / light) ** 2
    mean, half = (one["x2"] + one["y2"]) / 2, (one["x2"] - one["y2"]) / 2
    spread = np.hypot(half, one["xy"])
    major = np.sqrt(np.maximum(scale * (mean + spread), 0))
    minor = np.sqrt(np.maximum(scale * (mean - spread), 0))
    return major, minor, np.degrees(0.5 * np.arctan2(2 * one["xy"], one["x2"] - one["y2"]))
