"""Stars told from galaxies and from hits by the radius that holds half of their light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["class_star", "star_radius"]

#: signal to noise of the sources that show the radius of stars, and how many are needed
_BRIGHT, _FEWEST = 30.0, 8

#: sources this many standard deviations larger than stars are galaxies as likely as stars
_LARGER, _SMALLER = 3.0, 4.0

#: stars of a frame differ by this part of their radius
_SCATTER = 0.03

#: standard error of a half-light radius, in radii over the signal to noise
_NOISE = 1.3


def star_radius(
    radius: NDArray[np.float64], ratio: NDArray[np.float64], clean: NDArray[np.bool_]
) -> float:
    """Return the half-light radius of stars [pixel], NaN where too few sources tell it.

    Parameters
    ----------
    radius : ndarray of float64, shape (n,), pixel
        Half-light radii.
    ratio : ndarray of float64, shape (n,)
        Signal to noise of the light.
    clean : ndarray of bool, shape (n,)
        True for sources without a flag.
    """
    some = np.sort(radius[clean & (ratio > _BRIGHT) & np.isfinite(radius)])
    if some.size < _FEWEST:
        return float("nan")
    # The mode: the middle of the narrowest interval that holds a third of the sources. Stars
    # share one radius, galaxies do not.
    held = max(_FEWEST // 2, some.size // 3)
    widths = some[held:] - some[:-held]
    first = int(np.argmin(widths))
    return float(np.median(some[first : first + held + 1]))


def class_star(
    radius: NDArray[np.float64], ratio: NDArray[np.float64], star: float
) -> NDArray[np.float64]:
    """Return how well each source agrees with a star: 1 it does, 0 it does not; NaN unknown.

    Parameters
    ----------
    radius : ndarray of float64, shape (n,), pixel
        Half-light radii.
    ratio : ndarray of float64, shape (n,)
        Signal to noise of the light.
    star : float, pixel
        Half-light radius of stars.
    """
    if not np.isfinite(star):
        return np.full(radius.shape, np.nan)
    error = star * np.hypot(_SCATTER, _NOISE / np.maximum(ratio, 1.0))
    off = (radius - star) / error
    result: NDArray[np.float64] = ndtr(_LARGER - off) * ndtr(_SMALLER + off)
    return result
