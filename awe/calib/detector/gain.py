"""Gain and linearity of a chip from pairs of flats (photon transfer).

The variance of light grows as its level over the gain. Frames of a pair see the same lamp, so
their difference holds noise alone; windows over the chip follow the uneven illumination.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import statistics
from awe.calib._frames import takes_frames
from awe.calib.detector.bias import DIGITISATION
from awe.calib.detector.trim import require_shape
from awe.errors import NoValidPixels, ParameterError

__all__ = ["Gain", "Linearity", "linearised", "linearity", "photon_transfer"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


#: a gain is measured where the slope is this many of its errors above zero
_SURE = 5.0


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Photon transfer of one chip.

    Attributes
    ----------
    gain, gain_error : float, e-/ADU
        Electrons per count.
    read_noise : float, ADU
        Noise at level zero, the rounding of the converter taken out.
    levels, variances : ndarray of float64, shape (n,), ADU and ADU**2
        Points of the curve, one per window and pair.
    chi2 : float
        Chi-square of the fit per degree of freedom.
    """

    gain: float
    gain_error: float
    read_noise: float
    levels: NDArray[np.float64]
    variances: NDArray[np.float64]
    chi2: float


@dataclass(frozen=True, kw_only=True)
class Linearity:
    """Response of one chip: counts = rate * t * (1 + curvature * rate * t).

    Attributes
    ----------
    curvature : float, 1/ADU
        Zero for a linear chip.
    rate : float, ADU/s
        Count rate of the lamp.
    residuals : ndarray of float64, shape (n,)
        (measured - fitted) / fitted of every exposure.
    """

    curvature: float
    rate: float
    residuals: NDArray[np.float64]

    def at(self, level: float) -> float:
        """Return the relative deviation from linear at a level [ADU].

        Parameters
        ----------
        level : float
            Level above the bias [ADU].
        """
        return self.curvature * level


@takes_frames()
def photon_transfer(
    flats: Sequence[tuple[NDArray[np.generic], NDArray[np.generic]]],
    bias: NDArray[np.float32],
    *,
    read_noise: float,
    sigma: float,
    windows: tuple[int, int],
    saturation: float,
    bad: NDArray[np.bool_] | None = None,
) -> Gain:
    """Return the gain from pairs of flats of equal exposure.

    Parameters
    ----------
    flats : sequence of (ndarray, ndarray), shape (ny, nx), ADU
        Trimmed, overscan corrected if the bias is; not modified.
    bias : ndarray of float32, shape (ny, nx), ADU
        Master bias.
    read_noise : float, ADU
        From `bias.read_noise`; fixes the variance at level zero.
    sigma : float
        Rejection factor for hits, on the difference of a pair.
    windows : (int, int)
        Number of windows along y and x.
    saturation : float, ADU
        Windows reaching this level are left out.
    bad : ndarray of bool, shape (ny, nx), optional
        Hot and cold pixels.

    Raises
    ------
    ParameterError
        The read noise is negative or there are no windows.
    NoValidPixels
        No pair, no window below saturation and above the bias, or a variance that does not grow
        with the light, as that of copies.

    Notes
    -----
    Lamp drift within a pair is taken out by the ratio of the levels r:
    var(a - r b) = v (1 + r) / 1 for light, v being the variance at the level of a.
    """
    if not 0 <= read_noise < np.inf or min(windows) < 1:
        msg = f"read noise {read_noise} must be at least 0 and windows {windows} at least 1 x 1"
        raise ParameterError(msg)
    for first, second in flats:
        for image, name in ((first, "the first"), (second, "the second")):
            require_shape(image, bias.shape, f"{name} flat of a pair")
    if bad is not None:
        require_shape(bad, bias.shape, "the map of bad pixels")
    points = [
        point
        for first, second in flats
        for point in _points(first, second, bias, sigma, windows, saturation, bad, read_noise)
    ]
    if not points:
        msg = (
            f"photon transfer found no window between bias and {saturation:.0f} ADU in "
            f"{len(flats)} pairs of flats; add pairs of other exposure times"
        )
        raise NoValidPixels(msg)
    level, variance, number = (np.array(column) for column in zip(*points, strict=True))
    # v = c + L / gain [ADU**2], c = r**2 + 1/12 known beforehand: one unknown, slope = 1 / gain
    constant = read_noise**2 + DIGITISATION
    slope = 1.0
    for _ in range(4):
        # errors of a variance follow the model, not the noisy measurement
        # a variance from n pixels has variance 2 v**2 / n, so w = n / (2 v**2) with v of the model
        weight = number / (2 * (constant + slope * level) ** 2)
        # least sum of w (v - c - slope L)**2: slope = sum w L (v - c) / sum w L**2
        slope = float(
            (weight * level * (variance - constant)).sum() / (weight * level**2).sum()
        )
    # sigma(slope) = (sum w L**2)**-1/2
    error = float((weight * level**2).sum() ** -0.5)
    if not slope > _SURE * error:
        msg = (
            f"the variance of {len(flats)} pairs of flats does not grow with their light (slope "
            f"{slope:.3g} +- {error:.2g} per ADU), so there is no gain; are they copies of one "
            "exposure, or smoothed? give other pairs"
        )
        raise NoValidPixels(msg)
    residual = variance - constant - slope * level
    # sigma(gain) = sigma(slope) gain**2
    return Gain(
        gain=1.0 / slope,
        gain_error=error / slope**2,
        read_noise=read_noise,
        levels=level,
        variances=variance,
        chi2=float((weight * residual**2).sum() / max(1, level.size - 1)),
    )


def linearity(levels: Sequence[float], exposure_times: Sequence[float]) -> Linearity:
    """Return the response curve from levels of flats of different exposure times.

    Parameters
    ----------
    levels : sequence of float, ADU
        Median levels above the bias, all below saturation.
    exposure_times : sequence of float, s
        One per level.

    Raises
    ------
    NoValidPixels
        Fewer than three different exposure times, or levels and times not above zero.
    """
    if not all(0 < value < np.inf for value in (*levels, *exposure_times)):
        msg = (
            f"linearity needs finite levels and exposure times above zero, found {list(levels)} "
            f"ADU at {list(exposure_times)} s; leave those frames out"
        )
        raise NoValidPixels(msg)
    if len(set(exposure_times)) < 3:
        msg = (
            f"linearity needs at least 3 different exposure times, found "
            f"{sorted(set(exposure_times))}; add exposures"
        )
        raise NoValidPixels(msg)
    counts = np.asarray(levels, np.float64)
    time = np.asarray(exposure_times, np.float64)
    # N = a t + b t**2, both sides divided by N: residuals count relative to the level
    design = np.stack([time, time**2], axis=1) / counts[:, None]
    (rate, square), *_ = np.linalg.lstsq(design, np.ones_like(counts), rcond=None)
    # N = s (1 + c s) with s = a t, so c = b / a**2; residuals are N / fit - 1
    return Linearity(
        curvature=float(square / rate**2),
        rate=float(rate),
        residuals=1.0 / (design @ np.array([rate, square])) - 1.0,
    )


@takes_frames()
def linearised(
    image: NDArray[np.float32], curvature: float
) -> NDArray[np.float32]:
    """Return an image with the curvature of the response taken out.

    Parameters
    ----------
    image : ndarray of float32, any shape, ADU
        Counts above the bias; not modified.
    curvature : float, 1/ADU
        From `linearity`.

    Notes
    -----
    Solves m = s + c s**2 for s without loss of digits at small c.
    """
    if curvature == 0.0:
        return image.copy()
    # s = 2 m / (1 + sqrt(1 + 4 c m)): the root of c s**2 + s - m that goes to m for small c;
    # where 1 + 4 c m < 0 no s gives m (beyond the apex of the parabola): sqrt is taken as 0
    root = np.sqrt(np.maximum(1 + np.float32(4 * curvature) * image, np.float32(0)))
    result: NDArray[np.float32] = 2 * image / (1 + root)
    return result


def _points(
    first: NDArray[np.generic],
    second: NDArray[np.generic],
    bias: NDArray[np.float32],
    sigma: float,
    windows: tuple[int, int],
    saturation: float,
    bad: NDArray[np.bool_] | None,
    read_noise: float,
) -> list[tuple[float, float, int]]:
    """Return (level, variance at that level, number of pixels) of every usable window."""
    points = []
    for rows in np.array_split(np.arange(bias.shape[0]), windows[0]):
        for columns in np.array_split(np.arange(bias.shape[1]), windows[1]):
            cut = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            good = np.isfinite(bias[cut]) if bad is None else ~bad[cut]
            raw = np.stack([first[cut], second[cut]]).astype(np.float32)
            good = good & (raw < saturation).all(axis=0)
            # usable: 100 pixels and 0.9 of the window, good and below saturation in both frames
            if good.sum() < max(100, 0.9 * good.size):
                continue
            a, b = raw[:, good] - bias[cut][good]
            # r = median(a) / median(b); beyond a factor of 2 the frames are not a pair
            ratio = float(np.median(a) / max(np.median(b), 1e-6))
            if not 0.5 < ratio < 2:
                continue
            noise = statistics.clipped(a - np.float32(ratio) * b, sigma=sigma, iterations=10)
            constant = read_noise**2 + DIGITISATION
            # var(a - r b) = v (1 + r) + c (1 + r**2), v that of the light at the level of a;
            # the point is (mean of a, v + c) [ADU, ADU**2], as if a had been measured alone
            light = noise.stdev**2 - constant * (1 + ratio**2)
            points.append((float(a.mean()), light / (1 + ratio) + constant, noise.n))
    return points
