"""One image out of many: mean, median, or mean without outliers, pixel by pixel.

Outliers are judged about the median, with a sigma known beforehand (`FIXED`: the right choice
for biases and flats; one per frame where frames differ in noise), or measured from the few values
themselves (`STD`, `MAD`: as astropy's `sigma_clip`). This module does not know what the frames
are.

Notes
-----
With its own standard deviation a single hit among n values can never be more than
n/sqrt(n - 1) sigma from the median: 3 sigma reject nothing for n <= 7 and 5 sigma nothing for
n <= 24. `FIXED` has no such limit.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.combine import kernels, weighted
from awe.calib.threads import bands
from awe.errors import NoValidPixels, ParameterError, WrongShape

__all__ = ["Combined", "Method", "Noise", "about_median", "combine"]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: rows read from every frame at a time: bounds the memory beyond the result
_ROWS = 32


class Method(Enum):
    """How values of one pixel become one."""

    MEAN = kernels.MEAN
    MEDIAN = kernels.MEDIAN
    FIXED = kernels.FIXED
    STD = kernels.STD
    MAD = kernels.MAD


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Noise of one value: variance = constant + slope * level.

    Attributes
    ----------
    constant : float, ADU**2
        Read noise squared, with the noise of digitisation.
    slope : float, ADU
        One over the gain [e-/ADU]; 0 for frames without light.
    """

    constant: float
    slope: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a noise with which nothing can be judged."""
        if not (0 <= self.constant < np.inf and 0 <= self.slope < np.inf):
            msg = (
                f"noise of constant {self.constant} and slope {self.slope}: both must be finite "
                "and at least 0"
            )
            raise ParameterError(msg)

    def scaled(self, factor: float) -> Noise:
        """Return the noise of values multiplied by a factor, which is above zero.

        Parameters
        ----------
        factor : float
            Factor the values are multiplied by; above zero.
        """
        # y = f x: var y = f**2 (c + s x) = f**2 c + f s y
        return Noise(constant=self.constant * factor**2, slope=self.slope * factor)

    def variance(self, level: float) -> float:
        """Return the variance of a value of some level; light below 0 has none.

        Parameters
        ----------
        level : float
            Level of the value [ADU].
        """
        return self.constant + self.slope * max(level, 0.0)


def about_median(noises: Sequence[Noise], level: float) -> list[Noise]:
    """Return the noise of values about the median of their pixel: theirs and that of the median.

    Without the share of the median, limits of 3 sigma reject good values among three to five
    frames, by which the mean loses 4 % and, if the noise of the frames differs much, 15 %.

    Parameters
    ----------
    noises : sequence of Noise
        One per frame.
    level : float
        Of the values, in their unit.

    Notes
    -----
    The variance of the median of n values of unequal sigma is pi n / 2 / (sum of 1/sigma)**2 for
    large n; what value and median have in common is left in, so limits are a little wide. Two
    values give no vote and keep their own noise.

    Examples
    --------
    >>> [round(one.constant, 3) for one in about_median([Noise(constant=4)] * 4, 0)]
    [5.571, 5.571, 5.571, 5.571]
    """
    n = len(noises)
    if n < 3:
        return list(noises)
    # var(median) = (pi / 2) n / (sum of 1 / sigma_k)**2; pi / (2 n) sigma**2 for equal sigma
    variances = [noise.variance(level) for noise in noises]
    median = 0.5 * np.pi * n / sum(variance**-0.5 for variance in variances) ** 2
    # 1 + var(median) / var_k on both terms: at `level` that makes var_k + var(median)
    return [
        Noise(constant=noise.constant * factor, slope=noise.slope * factor)
        for noise, factor in zip(
            noises, (1 + median / variance for variance in variances), strict=True
        )
    ]


@dataclass(frozen=True, kw_only=True)
class Combined:
    """Result of `combine`.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Unit of the scaled frames; NaN where no value is left.
    used : ndarray of uint8, shape (ny, nx), or None
        Number of values in each pixel.
    rejected_low : ndarray of uint8, shape (ny, nx), or None
        Number of values rejected below; above were `n - used - rejected_low`, non-finite ones
        included.
    n : int
        Number of frames.
    share : ndarray of float32, shape (ny, nx), or None
        Weight of the values that entered, of that of all: 1 where none was left out.
    variance : ndarray of float32, shape (ny, nx), or None
        Square of the unit of the image, where whoever combined knows it.
    """

    image: NDArray[np.float32]
    used: NDArray[np.uint8] | None
    rejected_low: NDArray[np.uint8] | None
    n: int
    share: NDArray[np.float32] | None = None
    variance: NDArray[np.float32] | None = None

    @property
    def rejected_fraction(self) -> float:
        """Fraction of all values that did not enter; NaN when they were not counted."""
        if self.used is None:
            return float("nan")
        return 1.0 - float(self.used.sum(dtype=np.int64)) / (self.n * self.used.size)


@takes_frames()
def combine(
    frames: Sequence[NDArray[np.generic]],
    *,
    method: Method,
    sigma: float | tuple[float, float] = np.inf,
    noise: Noise | Sequence[Noise] | None = None,
    offsets: Sequence[NDArray[np.float32]] | None = None,
    subtract: NDArray[np.float32] | None = None,
    scales: Sequence[float] | None = None,
    weights: Sequence[float] | None = None,
    count: bool = False,
    share: bool = False,
) -> Combined:
    """Return frames combined into one; value = (frame - offset - subtract) * scale.

    Parameters
    ----------
    frames : sequence of ndarray, shape (ny, nx), any real dtype
        Views and memory maps are read in blocks of rows and never copied whole; not modified.
    method : Method
        See `Method`.
    sigma : float or (float, float)
        Rejection factor, or one below and one above the median. Clipping goes on until nothing
        changes.
    noise : Noise or sequence of Noise, optional
        Required by `Method.FIXED`, in units of the scaled frames: of all, or one per frame.
    offsets : sequence of ndarray of float32, optional
        One per frame, broadcastable to it: the levels of `overscan.measure`, trimmed.
    subtract : ndarray of float32, shape (ny, nx), optional
        Subtracted from every frame: the bias.
    scales : sequence of float, optional
        One factor per frame.
    weights : sequence of float, optional
        `FIXED` only: relative weights of the frames in the mean, all above zero; equal if absent.
    count : bool
        Count used and rejected values per pixel.
    share : bool
        Tell the weight of the values that entered, pixel by pixel.

    Returns
    -------
    Combined
        Non-finite values never enter.

    Raises
    ------
    NoValidPixels
        There are no frames.
    WrongShape
        Frames differ in shape.
    ParameterError
        A factor of rejection that is not above zero, more than 255 frames, `FIXED` without a
        noise, a noise per frame or weights with another
        method, or weights that are not above zero.

    Notes
    -----
    `STD` and `MAD` accept the same values as `astropy.stats.sigma_clip` with `cenfunc='median'`
    and `stdfunc='std'` or `'mad_std'`: the final limits are applied to all values once more.
    `FIXED` never readmits, and of two values that contradict each other it keeps the lower. With
    a noise per frame or weights values leave one by one, the brightest first.

    Examples
    --------
    >>> frames = [np.full((2, 2), v) for v in (1, 2, 3, 900)]
    >>> combine(frames, method=Method.FIXED, sigma=5, noise=Noise(constant=1)).image[0, 0]
    np.float32(2.0)
    """
    ny, nx = _require_frames(frames, offsets, subtract, scales)
    n = len(frames)
    low, high = sigma if isinstance(sigma, tuple) else (sigma, sigma)
    if not (low > 0 and high > 0):
        msg = f"sigma={sigma!r}: a factor of rejection must be above 0; give np.inf for none"
        raise ParameterError(msg)
    each = _each(method, noise, weights, n)
    model = noise if isinstance(noise, Noise) else Noise(constant=0.0)
    image = np.empty((ny, nx), np.float32)
    # without weights the share of a pixel is that of its number
    count = count or (share and each is None)
    counts = np.empty((2, ny, nx) if count else (2, 0, 0), np.uint8)
    shares = np.empty((ny, nx) if share else (0, 0), np.float32)

    def combine_band(band: slice) -> None:
        # 4 n rows nx bytes, 32 rows at most: 2.6 MB for 10 frames of 2048 columns
        chunk = np.empty(n * min(_ROWS, band.stop - band.start) * nx, np.float32)
        for y in range(band.start, band.stop, _ROWS):
            rows = slice(y, min(y + _ROWS, band.stop))
            height = rows.stop - y
            # contiguous at the last, lower chunk too: another layout would be compiled once more
            part = chunk[: n * height * nx].reshape(n, height, nx)
            for k, frame in enumerate(frames):
                _load(part[k], frame, rows, offsets[k] if offsets else None, subtract)
                if scales is not None:
                    part[k] *= np.float32(scales[k])
            planes = image[rows], counts[0, rows], counts[1, rows]
            if each is not None:
                weighted.combine_weighted(
                    part, _network(n), float(low), float(high), *each, *planes, shares[rows]
                )
            else:
                kernels.combine_block(
                    part, _network(n), method.value, float(low), float(high),
                    float(model.constant), float(model.slope), *planes,
                )
                if share:
                    np.multiply(planes[1], np.float32(1 / n), out=shares[rows])

    bands(combine_band, ny)
    return Combined(
        image=image,
        used=counts[0] if count else None,
        rejected_low=counts[1] if count else None,
        n=n,
        share=shares if share else None,
    )


def _each(
    method: Method,
    noise: Noise | Sequence[Noise] | None,
    weights: Sequence[float] | None,
    n: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Return constants, slopes and weights frame by frame; None where all frames are alike."""
    if method is Method.FIXED and noise is None:
        msg = "method FIXED rejects by a known noise: give noise=Noise(constant, slope)"
        raise ParameterError(msg)
    if weights is None and (noise is None or isinstance(noise, Noise)):
        return None
    if method is not Method.FIXED:
        msg = f"weights and a noise per frame belong to method FIXED, not {method.name}"
        raise ParameterError(msg)
    assert noise is not None
    noises = [noise] * n if isinstance(noise, Noise) else list(noise)
    parts = np.ones(n) if weights is None else np.array(weights, np.float64)
    if len(noises) != n or parts.shape != (n,):
        msg = (
            f"{n} frames need as many noises and weights, found {len(noises)} and {parts.size}"
        )
        raise WrongShape(msg)
    if not (np.isfinite(parts) & (parts > 0)).all():
        msg = f"weights must be finite and above zero, found {parts.tolist()}"
        raise ParameterError(msg)
    constants = np.array([one.constant for one in noises], np.float64)
    slopes = np.array([one.slope for one in noises], np.float64)
    # weights of sum 1: m + sum of w_k (x_k - m) needs no division
    return constants, slopes, parts / parts.sum()


def _require_frames(
    frames: Sequence[NDArray[np.generic]],
    offsets: Sequence[NDArray[np.float32]] | None,
    subtract: NDArray[np.float32] | None,
    scales: Sequence[float] | None,
) -> tuple[int, int]:
    if len(frames) == 0:
        msg = "nothing to combine: the list of frames is empty; widen the selection"
        raise NoValidPixels(msg)
    # counts of used and rejected values are bytes
    if len(frames) > 255:
        msg = f"{len(frames)} frames are too many to combine at once, at most 255 are possible"
        raise ParameterError(msg)
    shapes = [frame.shape for frame in frames]
    if subtract is not None:
        shapes.append(subtract.shape)
    if len(set(shapes)) != 1 or len(shapes[0]) != 2:
        odd = sorted({str(shape) for shape in shapes})
        msg = f"frames to combine must have one two-dimensional shape, found {', '.join(odd)}"
        raise WrongShape(msg)
    for name, values in (("offsets", offsets), ("scales", scales)):
        if values is not None and len(values) != len(frames):
            msg = f"{len(frames)} frames need as many {name}, found {len(values)}"
            raise WrongShape(msg)
    return shapes[0]


def _load(
    target: NDArray[np.float32],
    frame: NDArray[np.generic],
    rows: slice,
    offset: NDArray[np.float32] | None,
    subtract: NDArray[np.float32] | None,
) -> None:
    np.copyto(target, frame[rows], casting="unsafe")
    if offset is not None:
        target -= offset[rows] if offset.shape[0] > 1 else offset
    if subtract is not None:
        target -= subtract[rows]


@functools.cache
def _network(n: int) -> NDArray[np.int64]:
    """Return the compare-exchanges (i, j), i < j, that sort n values."""
    # Batcher's merge exchange (Knuth 5.2.2, Algorithm M): p = 2**(t - 1) to 1, t = ceil(log2 n)
    exchanges: list[tuple[int, int]] = []
    top = 1 << (max(1, (n - 1).bit_length()) - 1)
    p = top
    while p:
        q, r, d = top, 0, p
        while True:
            # step M3: i and i + d where i & p = r; then d = q - p and half of q, until q = p
            exchanges += [(i, i + d) for i in range(n - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return np.array(exchanges, np.int64).reshape(-1, 2)
