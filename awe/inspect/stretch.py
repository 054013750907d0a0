"""How pixel values become grey levels: the display range and the reduced overview.

Both are for the eye only. Range finding works on a sample of the pixels, so a mosaic costs no
more than one chip; images without a single finite pixel, or with one value only, are fine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOURS", "RANGES", "STRETCHES", "block_mean", "display_range", "drawable",
           "found_range"]  # fmt: skip

SAMPLE = 200_000
#: largest value that is told apart
LARGEST = 1e35
#: names of the ways to find a range; the first is `display_range`
RANGES = ("sigma", "zscale", "percentile", "full")
#: colour maps a key goes through
COLOURS = ("gray", "gray_r", "viridis", "inferno", "cividis", "cubehelix")
#: percentiles between which values are told apart
PERCENTILES = (0.25, 99.75)


Bend = Callable[[Any], Any]

#: contrast of the logarithm, and softening of the inverse sine, as DS9 has them
LOG, SOFT = 1000.0, 0.1

#: name of a stretch: how it bends the levels, and how it bends them back
STRETCHES: dict[str, tuple[Bend, Bend]] = {
    "linear": (lambda t: t, lambda v: v),
    "log": (
        lambda t: np.log1p(LOG * t) / np.log1p(LOG),
        lambda v: np.expm1(v * np.log1p(LOG)) / LOG,
    ),
    "sqrt": (np.sqrt, np.square),
    "asinh": (
        lambda t: np.arcsinh(t / SOFT) / np.arcsinh(1 / SOFT),
        lambda v: np.sinh(v * np.arcsinh(1 / SOFT)) * SOFT,
    ),
}


def display_range(pixels: NDArray[Any], *, kappa: float, iterations: int) -> tuple[float, float]:
    """Return the lowest and highest pixel value to tell apart on the screen.

    Parameters
    ----------
    pixels : ndarray, shape (ny, nx)
        Any numeric type; NaN and infinities are left out.
    kappa : float
        Half the range in units of the clipped standard deviation, round the median. The
        values are also kept inside what the image contains. 0 means the full range.
    iterations : int
        How often to clip at `kappa` (at least 3) deviations from the median.

    Returns
    -------
    lower : float
        Lowest pixel value to tell apart.
    upper : float
        Highest pixel value to tell apart. `lower < upper` always holds; (0, 1) if nothing is
        finite.

    Examples
    --------
    >>> display_range(np.arange(100.0).reshape(10, 10), kappa=0, iterations=0)
    (0.0, 99.0)
    """
    flat = pixels.reshape(-1)
    if kappa > 0:
        flat = flat[:: max(1, flat.size // SAMPLE)]
    values = flat[np.isfinite(flat)].astype(np.float64)
    if values.size == 0:
        return 0.0, 1.0
    lower, upper = float(values.min()), float(values.max())
    if kappa > 0:
        # From median - kappa sigma to median + kappa sigma. Clipping at fewer than three would cut
        # into the noise itself, and sigma would shrink from round to round.
        with np.errstate(over="ignore", invalid="ignore"):
            middle, spread = _clipped(values, max(kappa, 3.0), iterations)
        lower = max(lower, middle - kappa * spread)
        upper = min(upper, middle + kappa * spread)
    # the screen works in single precision: what is beyond it is as bright as can be shown
    lower, upper = (min(max(value, -LARGEST), LARGEST) for value in (lower, upper))
    if not lower < upper:
        margin = max(abs(lower) * 1e-3, 0.5)
        return lower - margin, upper + margin
    return lower, upper


def drawable(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values that matplotlib can draw axes for: not beyond what single precision holds.

    Parameters
    ----------
    values : ndarray of float64
        Finite values, or NaN.
    """
    # half precision holds nothing that is too large
    return values if values.dtype.itemsize < 4 else np.clip(values, -LARGEST, LARGEST)


def found_range(pixels: NDArray[Any], name: str) -> tuple[float, float]:
    """Return the range of an image by a named way other than `display_range`.

    Parameters
    ----------
    pixels : ndarray, shape (ny, nx)
        Any numeric type; NaN and infinities are left out.
    name : str
        "zscale" as in IRAF, "percentile" from 0.25 to 99.75, or "full".

    Returns
    -------
    lower : float
        Lowest pixel value to tell apart.
    upper : float
        Highest pixel value to tell apart, always above `lower`.
    """
    if name == "full":
        return display_range(pixels, kappa=0, iterations=0)
    flat = pixels.reshape(-1)
    flat = flat[:: max(1, flat.size // SAMPLE)]
    values = flat[np.isfinite(flat)].astype(np.float64)
    if values.size == 0:
        return 0.0, 1.0
    if name == "percentile":
        lower, upper = (float(v) for v in np.percentile(values, PERCENTILES))
    else:
        from astropy.visualization import ZScaleInterval

        # it takes its own sample of the image, along rows, and cannot fit half precision
        wide = pixels if pixels.dtype.itemsize >= 4 else pixels.astype(np.float32)
        lower, upper = (float(v) for v in ZScaleInterval().get_limits(wide))
    if lower < upper:
        return lower, upper
    return display_range(values, kappa=0, iterations=0)


def _clipped(values: NDArray[np.float64], kappa: float, iterations: int) -> tuple[float, float]:
    kept = values
    for _ in range(max(iterations, 0)):
        middle = np.median(kept)
        inside = np.abs(kept - middle) <= kappa * kept.std()
        if inside.all():
            break
        kept = kept[inside]
    return float(np.median(kept)), float(kept.std())


def block_mean(pixels: NDArray[Any], step: int) -> NDArray[np.float32]:
    """Return the image reduced by averaging blocks of `step` x `step` pixels.

    Parameters
    ----------
    pixels : ndarray, shape (ny, nx)
        Not modified. NaN is left out of a block's mean; a block of NaN is NaN.
    step : int
        Side of a block; incomplete blocks at the upper and right edge are averages of the
        pixels they have.

    Returns
    -------
    ndarray of float32, shape (ceil(ny / step), ceil(nx / step))
        The reduced image.
    """
    with np.errstate(over="ignore"):
        image = np.asarray(pixels, dtype=np.float32)
    if step <= 1:
        return image
    good = np.isfinite(image)
    rows = np.arange(0, image.shape[0], step)
    columns = np.arange(0, image.shape[1], step)
    filled = image if good.all() else np.where(good, image, np.float32(0))
    # Sum of the finite pixels over their number; blocks cut by the edge have fewer.
    total = np.add.reduceat(np.add.reduceat(filled, rows, axis=0), columns, axis=1)
    count = np.add.reduceat(
        np.add.reduceat(good.astype(np.float32), rows, axis=0), columns, axis=1
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: NDArray[np.float32] = np.where(count > 0, total / count, np.float32(np.nan))
    return mean.astype(np.float32, copy=False)
