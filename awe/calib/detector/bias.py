"""Read noise from pairs of biases, and the master bias (and dark) of a chip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import statistics
from awe.calib._frames import takes_frames
from awe.calib.combine import Combined, Method, Noise, about_median, combine
from awe.calib.combine.propagation import mean_variance, of_mean
from awe.calib.detector.trim import require_shape
from awe.calib.weight import require_model
from awe.errors import NoValidPixels, ParameterError

__all__ = ["DIGITISATION", "ReadNoise", "dark", "master", "read_noise", "telegraph"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: variance that rounding to whole counts adds [ADU**2]
#: (a uniform error of +- 1/2 ADU has variance 1/12)
DIGITISATION = 1.0 / 12.0

#: frames in which two levels are told from a particle, and the share of a pixel that lost a frame
_LEAST, _WHOLE = 4, 0.999


@dataclass(frozen=True, kw_only=True)
class ReadNoise:
    """Read noise of one chip.

    Attributes
    ----------
    read_noise : float, ADU
        Noise of the electronics of one pixel, the rounding of the converter taken out.
    error : float, ADU
        Its standard error.
    mean_diff, median_diff : float, ADU
        Level of the second frame minus the first, averaged over the pairs.
    rejected_fraction : float
        Fraction of the pixels left out as outliers.
    pairs : int
        Number of pairs.
    """

    read_noise: float
    error: float
    mean_diff: float
    median_diff: float
    rejected_fraction: float
    pairs: int


@takes_frames(double=True)
def read_noise(
    pairs: Sequence[tuple[NDArray[np.generic], NDArray[np.generic]]],
    *,
    sigma: float,
    iterations: int,
) -> ReadNoise:
    """Return the read noise: rms of the difference of two biases, over sqrt(2).

    Parameters
    ----------
    pairs : sequence of (ndarray, ndarray), shape (ny, nx), ADU
        Trimmed biases of any real dtype, overscan corrected or not; not modified.
    sigma : float
        Rejection factor for particle hits.
    iterations : int
        Maximum number of rounds of rejection.

    Raises
    ------
    NoValidPixels
        No pairs, or a pair without a finite pixel.

    Notes
    -----
    The spread is a clipped standard deviation divided by what clipping does to a Gaussian: the
    median absolute deviation of whole numbers moves in steps of 1.48 ADU / sqrt(2).
    """
    if len(pairs) == 0:
        msg = "read noise needs at least one pair of biases, found none; widen the selection"
        raise NoValidPixels(msg)
    # b - a: whatever two biases share drops out, and var(b - a) = 2 sigma**2
    found = [
        statistics.clipped(_difference(first, second), sigma=sigma, iterations=iterations)
        for first, second in pairs
    ]
    # sigma**2 = mean over the pairs of sd(b - a)**2 / 2 [ADU**2], rounding included
    variance = float(np.mean([one.stdev**2 / 2 for one in found]))
    used = sum(one.n for one in found)
    # r = sqrt(sigma**2 - 1/12); 0 where the noise is below that of rounding
    noise = max(variance - DIGITISATION, 0.0) ** 0.5
    return ReadNoise(
        read_noise=noise,
        # standard error of a standard deviation from n values: sigma / sqrt(2 n)
        error=float((variance / (2 * used)) ** 0.5),
        mean_diff=float(np.mean([one.mean for one in found])),
        median_diff=float(np.mean([one.median for one in found])),
        rejected_fraction=sum(one.rejected for one in found)
        / sum(one.n + one.rejected for one in found),
        pairs=len(found),
    )


def _difference(
    first: NDArray[np.generic], second: NDArray[np.generic]
) -> NDArray[np.float64] | NDArray[np.float32]:
    require_shape(second, first.shape, "the second bias of a pair")
    narrow = all(one.dtype.itemsize <= 2 or one.dtype == np.float32 for one in (first, second))
    result: NDArray[np.float32] = np.subtract(
        second, first, dtype=np.float32 if narrow else np.float64, casting="unsafe"
    )
    return result


@takes_frames()
def master(
    frames: Sequence[NDArray[np.generic]],
    *,
    read_noise: float,
    sigma: float,
    offsets: Sequence[NDArray[np.float32]] | None = None,
    level_variance: float = 0.0,
    count: bool = False,
) -> Combined:
    """Return the mean of biases without outliers, and its variance.

    Parameters
    ----------
    frames : sequence of ndarray, shape (ny, nx), ADU
        Trimmed raw biases of any real dtype; not modified.
    read_noise : float, ADU
        As measured by `read_noise`: values further than sigma times the noise of value and
        median from the median of their pixel are left out.
    sigma : float
        Rejection factor.
    offsets : sequence of ndarray of float32, optional
        Levels to subtract, one per frame (`overscan.measure`, trimmed), ADU.
    level_variance : float, ADU**2
        Of one of these levels.
    count : bool
        Count used and rejected values per pixel.

    Examples
    --------
    >>> biases = [np.full((4, 4), level) for level in (250, 251, 252)]
    >>> float(master(biases, read_noise=2.2, sigma=5).image.mean())
    251.0
    """
    require_model(1.0, read_noise)
    # sigma**2 = r**2 + 1/12, without light; of value minus median: sigma**2 (1 + pi / (2 n)) from
    # three frames on, because the median of n values has a variance of its own
    one = Noise(constant=read_noise**2 + DIGITISATION)
    noise = about_median([one] * len(frames), 0.0)[0] if len(frames) else one
    combined = combine(
        frames, method=Method.FIXED, sigma=sigma, noise=noise, offsets=offsets, count=count,
        share=True,
    )
    single = Noise(constant=one.constant + level_variance)
    variance = mean_variance(combined, of_mean([single] * len(frames)))
    return replace(combined, variance=variance, share=None)


@takes_frames()
def dark(
    frames: Sequence[NDArray[np.generic]],
    bias: NDArray[np.float32],
    *,
    exposure_times: Sequence[float],
    read_noise: float,
    gain: float,
    sigma: float,
    offsets: Sequence[NDArray[np.float32]] | None = None,
    level_variance: float = 0.0,
    bias_variance: NDArray[np.float32] | None = None,
) -> Combined:
    """Return the dark current [ADU/s]: mean of (frame - bias) / exposure time; its variance.

    The read noise limits darks, so a frame has the weight of its exposure time squared.

    Parameters
    ----------
    frames : sequence of ndarray, shape (ny, nx), ADU
        Trimmed raw darks; not modified.
    bias : ndarray of float32, shape (ny, nx), ADU
        Master bias.
    exposure_times : sequence of float, s
        One per frame, all above zero.
    read_noise : float, ADU
        Of one pixel.
    gain : float, e-/ADU
        For the noise of the dark current itself.
    sigma : float
        Rejection factor.
    offsets : sequence of ndarray of float32, optional
        Levels to subtract, one per frame, ADU.
    level_variance : float, ADU**2
        Of one of these levels.
    bias_variance : ndarray of float32, shape (ny, nx), ADU**2, optional
        Of the master bias.
    """
    require_model(gain, read_noise)
    if not all(0 < time < np.inf for time in exposure_times):
        msg = f"darks need finite exposure times above zero, found {list(exposure_times)}"
        raise NoValidPixels(msg)
    # x = (frame - level - bias) / t [ADU/s], with variance (r**2 + 1/12) / t**2 + x / (gain t)
    scales = [1.0 / time for time in exposure_times]
    one = Noise(constant=read_noise**2 + DIGITISATION, slope=1.0 / gain)
    noises = [one.scaled(scale) for scale in scales]
    # w = t**2 / (r**2 + 1/12): the least variance where read noise outweighs that of the dark
    weights = [1.0 / noise.constant for noise in noises]
    combined = combine(
        frames, method=Method.FIXED, sigma=sigma, noise=about_median(noises, 0.0),
        offsets=offsets, subtract=bias, scales=scales, weights=weights, share=True,
    )
    single = Noise(constant=one.constant + level_variance, slope=one.slope)
    variance = mean_variance(
        combined, of_mean([single.scaled(scale) for scale in scales], weights)
    )
    if bias_variance is not None:
        # one bias is in all frames: sum of w_k / t_k over sum of w_k, which is sum t / sum t**2
        shared = sum(exposure_times) / sum(time**2 for time in exposure_times)
        variance += np.float32(shared**2) * bias_variance
    if len(frames) >= _LEAST and combined.share is not None:
        places = np.nonzero(combined.share < _WHOLE)
        values = _values_at(places, frames, bias, offsets, scales)
        # two frames that agree with each other and not with the rest are not two particles
        shortest = min(exposure_times)
        light = np.maximum(np.median(values, axis=0), 0.0)
        noise = np.sqrt(one.constant / shortest**2 + light / (gain * shortest))
        jumps = telegraph(values, sigma * noise)
        chosen = places[0][jumps], places[1][jumps]
        variance[chosen] = np.maximum(variance[chosen], values[:, jumps].var(axis=0, ddof=1))
    return replace(combined, variance=variance, share=None)


def _values_at(
    places: tuple[NDArray[np.intp], ...], frames: Sequence[NDArray[np.generic]],
    bias: NDArray[np.float32], offsets: Sequence[NDArray[np.float32]] | None,
    scales: Sequence[float],
) -> NDArray[np.float64]:
    """Return the dark current of some pixels in each frame [ADU/s]."""
    values = np.array([frame[places] for frame in frames], np.float64) - bias[places]
    if offsets is not None:
        values -= [np.broadcast_to(one, bias.shape)[places] for one in offsets]
    values *= np.array(scales)[:, None]
    return values


def telegraph(values: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which pixels jump between two levels from frame to frame.

    Parameters
    ----------
    values : ndarray of float64, shape (frames, n)
        Values of n pixels in each of four or more frames, any unit.
    least : ndarray of float64, shape (n,)
        Least distance of the levels, the same unit.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where two frames or more are at one level, two or more at another, and the levels are
        further apart than the frames of each are. A particle hits one frame.

    Raises
    ------
    ParameterError
        There are fewer than four frames.
    """
    number = values.shape[0]
    if number < _LEAST:
        msg = f"two levels are told in {_LEAST} frames or more, found {number}"
        raise ParameterError(msg)
    ordered = np.sort(values, axis=0)
    # a split behind the second frame at the earliest, before the second last at the latest
    gaps = np.diff(ordered, axis=0)[1 : number - 2]
    split = np.argmax(gaps, axis=0) + 1
    each = np.arange(values.shape[1])
    low, high = ordered[split, each], ordered[split + 1, each]
    ranges = np.maximum(low - ordered[0], ordered[-1] - high)
    result: NDArray[np.bool_] = (high - low > least) & (high - low > ranges)
    return result
