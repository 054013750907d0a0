"""Numbers about images: extremes, mean, exact median, spread, with and without outliers.

Medians are exact, not binned: a histogram of the upper half of every pixel's bits finds the few
pixels around the rank, and only those are sorted. Pixels are taken as float32, which holds 16-bit
integers and float32 as they are; wider pixels far from zero as differences from their level.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, exp, pi, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib._memory import room
from awe.calib.detector.trim import require_shape
from awe.calib.statistics import order
from awe.calib.threads import bands
from awe.errors import NoValidPixels, ParameterError

__all__ = [
    "Clipped",
    "ImageStatistics",
    "clipped",
    "image_statistics",
    "median",
    "outliers",
    "pixel_noise",
    "truncation",
]

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: pixels whose median tells nearly what that of all is
_SAMPLE = 20_000

#: float32 tells values up to this apart in steps of 1/128
_EXACT = 2.0**17

#: a scatter below this part of the level is lost in the digits of float32
_FINE = 2.0**-14

#: parts of a frame that are summed one by one
_PARTS = 2

_NO_BAD = np.empty((0, 0), np.bool_)


@dataclass(frozen=True, kw_only=True)
class ImageStatistics:
    """Statistics of the finite, good pixels of an image, in its unit.

    Attributes
    ----------
    min, max, mean, median, stdev : float
        `stdev` is about the mean, of the population.
    n : int
        Number of pixels used.
    """

    min: float
    max: float
    mean: float
    median: float
    stdev: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Clipped:
    """Statistics without outliers.

    Attributes
    ----------
    mean, median : float
        Mean and median of the kept values.
    stdev : float
        Standard deviation of the kept values, divided by what clipping does to a Gaussian:
        unbiased for noise.
    n, rejected : int
        Number of values kept and rejected.
    """

    mean: float
    median: float
    stdev: float
    n: int
    rejected: int


@takes_frames(double=True)
def image_statistics(
    image: NDArray[np.generic], bad: NDArray[np.bool_] | None = None
) -> ImageStatistics:
    """Return the statistics of an image.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype
        Not modified. Non-finite pixels are left out.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels to leave out.

    Raises
    ------
    NoValidPixels
        No pixel is left.

    Examples
    --------
    >>> image_statistics(np.array([[1.0, 2.0], [3.0, np.nan]])).median
    2.0
    """
    if bad is not None:
        require_shape(bad, image.shape, "the map of bad pixels")
    pixels, zero = _near_zero(image)
    mask = _NO_BAD if bad is None else bad
    # one pass over all pixels: sums about the pivot p, and the values the median is among
    pivot, low, high = _bracket(pixels, mask)
    found = _moments(pixels, mask, pivot, low, high)
    # median = mean of the values of rank (n - 1) // 2 and n // 2, counted from 0
    ranks = (found.n - 1) // 2, found.n // 2
    if not found.below <= ranks[0] <= ranks[1] < found.below + found.inside.size:
        # the sample misled: both ranks must be in the bracket, so it becomes all numbers
        found = _moments(pixels, mask, pivot, -np.inf, np.inf)
    if found.n == 0:
        msg = (
            f"none of the {pixels.size} pixels is both finite and good, so there is nothing to "
            "measure; look at the frame and its maps with inspect()"
        )
        raise NoValidPixels(msg)
    places = [rank - found.below for rank in ranks]
    # numpy sorts many at a time, and looks for two ranks one by one
    ordered = np.sort(found.inside)
    middle = 0.5 * (float(ordered[places[0]]) + float(ordered[places[1]]))
    # mean = p + S1 / n, variance = S2 / n - (S1 / n)**2 with S1, S2 = sums of x - p, (x - p)**2
    mean = found.total / found.n
    variance = max(found.square / found.n - mean**2, 0.0)
    return ImageStatistics(
        min=zero + found.least, max=zero + found.most, mean=zero + (pivot + mean),
        median=zero + middle, stdev=variance**0.5, n=found.n,
    )


def _near_zero(image: NDArray[np.generic]) -> tuple[NDArray[np.float32], float]:
    """Return pixels as float32 and what was subtracted to keep their digits."""
    values = np.asarray(image)
    if values.dtype.itemsize <= 2 or values.dtype == np.float32:
        return np.ascontiguousarray(values, np.float32), 0.0
    # float32 has 24 bits: wider pixels are taken as differences from a level among them
    step = max(1, int((values.size / _SAMPLE) ** 0.5))
    sample = values[::step, ::step].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return np.ascontiguousarray(values, np.float32), 0.0
    zero = float(np.median(sample))
    if abs(zero) >= _EXACT:
        zero = float(np.rint(zero))
    elif abs(zero) * _FINE <= float(np.percentile(sample, 84)) - zero:
        return np.ascontiguousarray(values, np.float32), 0.0
    return np.ascontiguousarray(values - np.float64(zero), np.float32), zero


@dataclass(frozen=True, kw_only=True)
class _Moments:
    """Sums about a pivot, and the values inside a bracket with the number of those below it."""

    n: int
    least: float
    most: float
    total: float
    square: float
    inside: NDArray[np.float32]
    below: int


def _bracket(
    pixels: NDArray[np.float32], bad: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Return the median of a sample of pixels and two values that the median lies between.

    Six standard errors of the sample to each side; without a sample, all numbers.
    """
    step = max(1, int((pixels.size / _SAMPLE) ** 0.5))
    sample = pixels[::step, ::step]
    usable = np.isfinite(sample)
    if bad.size:
        usable &= ~bad[::step, ::step]
    ordered = np.sort(sample[usable])
    # the rank of the median in a sample of m scatters by sqrt(m) / 2: 3 sqrt(m) is six of that
    middle, reach = ordered.size // 2, int(3 * ordered.size**0.5) + 1
    if ordered.size < 2 * reach:
        return (float(ordered[middle]) if ordered.size else 0.0), -np.inf, np.inf
    return float(ordered[middle]), float(ordered[middle - reach]), float(ordered[middle + reach])


def _moments(
    pixels: NDArray[np.float32], bad: NDArray[np.bool_], pivot: float, low: float, high: float
) -> _Moments:
    def of(rows: slice) -> tuple[Any, ...]:
        inside = room((rows.stop - rows.start) * pixels.shape[1] + 1, np.float32)
        *sums, n, below = order.moments(
            pixels, bad, np.float32(pivot), np.float32(low), np.float32(high), rows.start,
            rows.stop, inside,
        )
        return *sums, inside[:n], below

    # the same digits on any number of processors
    found = bands(of, pixels.shape[0], parts=_PARTS)
    n, least, most, total, square, inside, below = zip(*found, strict=True)
    return _Moments(
        n=sum(n), least=float(min(least)), most=float(max(most)), total=float(sum(total)),
        square=float(sum(square)), inside=np.concatenate(inside), below=sum(below),
    )


@takes_frames(double=True)
def median(image: NDArray[np.generic], bad: NDArray[np.bool_] | None = None) -> float:
    """Return the exact median of the finite, good pixels, as float32 holds them.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Image of any real dtype and unit.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels to leave out, True = bad.
    """
    return image_statistics(image, bad).median


@takes_frames(double=True)
def clipped(
    values: NDArray[np.generic], *, sigma: float, iterations: int, middle: bool = True
) -> Clipped:
    """Return statistics after iterated rejection.

    Parameters
    ----------
    values : ndarray, any shape and real dtype
        Not modified. Non-finite values are left out.
    sigma : float
        Rejection factor.
    iterations : int
        Maximum number of rounds.
    middle : bool
        Whether the median is wanted; it is NaN otherwise, and a third of the time is saved.

    Raises
    ------
    NoValidPixels
        No value is finite.

    Notes
    -----
    The first round is about the median with a sigma from quantiles, so that outliers do not hide
    themselves; the following are about the mean of what was kept with its standard deviation,
    which the quantisation of integers does not disturb. All values are judged anew in each round.
    """
    finite = np.asarray(values, np.float64).ravel()
    finite = finite[np.isfinite(finite)]
    if finite.size == 0:
        msg = "none of the values is finite, so there is nothing to measure; look at the frame"
        raise NoValidPixels(msg)
    if not sigma > 0:
        msg = f"sigma={sigma!r}: a factor of rejection must be above 0; give np.inf for none"
        raise ParameterError(msg)
    factor = truncation(sigma)
    # half the distance of the 16 and 84 % quantiles: sigma of a Gaussian, blind to a few outliers
    some = np.sort(finite[:: max(1, finite.size // 200_000)])
    low, half, high = np.percentile(some, [16, 50, 84], overwrite_input=True)
    least = 1e-12 * abs(float(half))
    spread = max(float(high - low) / 2, least)
    centre = pivot = float(half)
    reach = np.inf
    n, mean, stdev = order.within(finite, pivot, reach)
    for turn in range(max(1, iterations)):
        # a step of the converter wider than the quantiles tell must not empty the sample
        # keep |x - c| <= k s: c and s are median and quantiles at first, then mean of the kept and
        # their sd over `truncation`; all finite values are judged anew, so some may come back
        limit = max(sigma * spread, least)
        near = order.within(finite, centre, limit)
        if near[0] == 0 or (near[0] == n and turn):
            break
        # the values themselves are taken at the end only, by the limits that kept them
        pivot, reach = centre, limit
        n, mean, stdev = near
        centre, spread = mean, stdev / factor
    typical = float("nan")
    if middle:
        typical = float(np.median(finite[np.abs(finite - pivot) <= reach]))
    return Clipped(
        mean=float(mean), median=typical,
        stdev=float(stdev) / factor, n=int(n), rejected=int(finite.size - n),
    )


@takes_frames(double=True)
def pixel_noise(image: NDArray[np.generic], *, step: int = 1) -> float:
    """Return the noise of single pixels of an image that changes slowly from pixel to pixel.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype
        Not modified. Non-finite pixels and their neighbours are left out.
    step : int
        Only every step-th row is read.

    Returns
    -------
    float
        In the unit of the image, outliers left out; 0 where the image is the same everywhere.

    Notes
    -----
    The scatter of the difference between a pixel and the mean of its two neighbours in the
    row, whose variance is 3/2 that of a pixel: a slope does not count, a pattern of period P
    counts with (2 pi / P)**2 / 2 of its amplitude.

    Examples
    --------
    >>> noisy = np.random.default_rng(1).normal(100, 2, (50, 400))
    >>> round(pixel_noise(noisy + np.arange(400)), 1)
    2.0
    """
    narrow = image.dtype.itemsize <= 2 or image.dtype == np.float32
    # neighbours far from zero differ by less than the steps of float32
    rows: NDArray[Any] = np.asarray(image[::step], np.float32 if narrow else np.float64)
    # x_i - (x_i-1 + x_i+1) / 2: variance 1 + 1/4 + 1/4 = 3/2 that of a pixel, lines drop out,
    # a wave of period P has 1 - cos(2 pi / P) of its amplitude
    curve = rows[:, 1:-1] - np.float32(0.5) * (rows[:, :-2] + rows[:, 2:])
    return float(clipped(curve, sigma=4.0, iterations=8).stdev / 1.5**0.5)


def truncation(sigma: float) -> float:
    """Return the standard deviation of a unit Gaussian cut off at +-sigma.

    Parameters
    ----------
    sigma : float
        Limit at which the Gaussian is cut off, in its standard deviation.

    Examples
    --------
    >>> round(truncation(3.0), 4)
    0.9866
    """
    if not np.isfinite(sigma):
        return 1.0
    # variance of a unit Gaussian within +- k: 1 - 2 k phi(k) / erf(k / sqrt(2)), phi its density
    density = exp(-0.5 * sigma**2) / sqrt(2 * pi)
    return sqrt(1 - 2 * sigma * density / erf(sigma / sqrt(2)))


def outliers(values: NDArray[np.float64], *, sigma: float, floor: float) -> NDArray[np.bool_]:
    """Return which of a few numbers are far from the rest.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        One number per frame, such as its level.
    sigma : float
        Rejection factor on 1.4826 times the median absolute deviation.
    floor : float
        Differences up to this are never far, in the unit of the values.
    """
    distance = np.abs(values - np.median(values))
    # sigma of a Gaussian = 1.4826 MAD; a distance of NaN fails the comparison and is far
    limit = max(sigma * 1.4826 * float(np.median(distance)), floor)
    far: NDArray[np.bool_] = ~(distance <= limit)
    return far
