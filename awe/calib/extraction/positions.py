"""Positions of sources: centres of light, windowed where that is safe, with their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

#: radius of the window that is summed, in sigma
_REACH = 4.0

#: bit of the library: pixels of the window may not be used
_MASKED = 32

#: how often places are found again with bad pixels filled round them
_ROUNDS = 2

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
    centre of light by more than half a half-light radius is not taken. A bad pixel of a window
    has the light of the place opposite, as in SExtractor; where that is bad too, the centre of
    light is given.
    """
    x, y = found.objects["x"], found.objects["y"]
    size = np.nan_to_num(radius, nan=1.5)
    window = np.clip(size * _SIGMA, _NARROWEST, _WIDEST)
    moved_x, moved_y, bits = sep.winpos(
        found.sky, x, y, window, mask=bad, subpix=_PARTS
    )
    moved_x, moved_y, bits = np.array(moved_x), np.array(moved_y), np.array(bits)
    usable = np.isfinite(moved_x) & np.isfinite(moved_y)
    spoilt = np.flatnonzero((bits == _MASKED) & usable)
    if spoilt.size:
        place, size_of = (moved_x[spoilt], moved_y[spoilt]), window[spoilt]
        near = _near(bad, *place, size_of * _REACH)
        sky, left = found.sky.copy(), bad.copy()
        for _ in range(_ROUNDS):
            _mirror(sky, left, near, *place)
            *place, bits[spoilt] = sep.winpos(
                sky, *place, size_of, mask=left, subpix=_PARTS
            )
        moved_x[spoilt], moved_y[spoilt] = place
    strayed = np.hypot(moved_x - x, moved_y - y) > np.maximum(_STRAY * size, _LEAST_STRAY)
    trusted = ~strayed & (bits == 0) & np.isfinite(moved_x) & np.isfinite(moved_y)
    return Windowed(
        x=np.where(trusted, moved_x, x), y=np.where(trusted, moved_y, y), trusted=trusted
    )


@dataclass(frozen=True, kw_only=True)
class _Bad:
    """Bad pixels in windows: their rows and columns, and the number of the source."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    source: NDArray[np.intp]


def _near(
    bad: NDArray[np.bool_],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    reach: NDArray[np.float64],
) -> _Bad:
    """Return the bad pixels that are nearer to a source than its reach along either axis."""
    rows, columns, counts = [], [], []
    for middle, height, size in zip(x.tolist(), y.tolist(), reach.tolist(), strict=True):
        low, first = max(int(height - size), 0), max(int(middle - size), 0)
        up, right = bad[low : int(height + size) + 2, first : int(middle + size) + 2].nonzero()
        rows.append(up + low)
        columns.append(right + first)
        counts.append(up.size)
    return _Bad(
        rows=np.concatenate(rows), columns=np.concatenate(columns),
        source=np.repeat(np.arange(len(counts)), counts),
    )  # fmt: skip


def _mirror(
    sky: NDArray[Any], bad: NDArray[np.bool_], near: _Bad, x: Any, y: Any
) -> None:
    """Give bad pixels near sources the light opposite; they are bad still where that is."""
    bad[near.rows, near.columns] = True
    ny, nx = bad.shape
    up, right = 2 * y[near.source] - near.rows, 2 * x[near.source] - near.columns
    # NaN is not inside
    inside = (up >= 0) & (up < ny - 1) & (right >= 0) & (right < nx - 1)
    up, right, rows, columns = (one[inside] for one in (up, right, near.rows, near.columns))
    j, i = up.astype(np.intp), right.astype(np.intp)
    v, u = up - j, right - i
    good = ~(bad[j, i] | bad[j, i + 1] | bad[j + 1, i] | bad[j + 1, i + 1])
    light = (1 - v) * ((1 - u) * sky[j, i] + u * sky[j, i + 1])
    light += v * ((1 - u) * sky[j + 1, i] + u * sky[j + 1, i + 1])
    sky[rows[good], columns[good]] = light[good]
    bad[rows[good], columns[good]] = False


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
