"""The width of stars in one image, quickly: enough to tell particle hits from stars."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib import statistics
from awe.calib._frames import takes_frames
from awe.calib.detector.trim import require_shape
from awe.calib.sky.peaks import peaks

__all__ = ["measure"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: distance [pixel] of the two points that give the width along an axis
_REACH = 2

#: number of pixels from which the sky and its noise are measured
_SAMPLE = 100_000

#: full width at half maximum of a Gaussian of unit sigma
#: 2 sqrt(2 ln 2): exp(-x**2 / 2) is one half at x = 1.1774
_FWHM = 2.3548


@takes_frames(double=True)
def measure(
    image: NDArray[np.generic],
    *,
    threshold: float,
    saturation: float,
    narrowest: float,
    bad: NDArray[np.bool_] | None = None,
) -> float:
    """Return the median full width at half maximum of the stars of an image [pixel].

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype, ADU
        With or without its sky; not modified. Non-finite pixels are left out.
    threshold : float, sigma
        Least height of a peak above the sky.
    saturation : float, ADU
        Brighter peaks are left out.
    narrowest : float, pixel
        Narrower peaks are particle hits.
    bad : ndarray of bool, shape (ny, nx), optional
        Peaks here are left out.

    Returns
    -------
    float
        NaN when fewer than three stars are left.

    Notes
    -----
    A Gaussian falls from its peak p to q at distance d with sigma**2 = d**2 / (2 ln(p / q)).
    Peaks that are wider along one axis than along the other by half are not stars.

    Examples
    --------
    >>> y, x = np.mgrid[0:60, 0:60]
    >>> stars = sum(np.exp(-((x - a) ** 2 + (y - 30) ** 2) / 8) for a in (10, 30, 50))
    >>> round(measure((1000 * stars).astype(np.float32), threshold=5, saturation=5000,
    ...               narrowest=1.5), 2)
    4.71
    """
    if bad is not None:
        require_shape(bad, image.shape, "the map of bad pixels")
    # the grid holds about 100,000 pixels, or one in 4 x 4 where the image has fewer
    step = max(4, int((image.size / _SAMPLE) ** 0.5))
    sky = statistics.clipped(image[::step, ::step], sigma=4.0, iterations=5)
    y, x = peaks(image, sky.median + threshold * max(sky.stdev, 1e-6), 2 * _REACH)
    # a saturated peak is cut off: ln(p / q) would be too small and the star too wide
    keep = image[y, x] < saturation
    if bad is not None:
        keep &= ~bad[y, x]
    y, x = y[keep], x[keep]
    along_x = _width(image, y, x, 0, _REACH, sky.median)
    along_y = _width(image, y, x, _REACH, 0, sky.median)
    with np.errstate(invalid="ignore", divide="ignore"):
        # 2/3 < w_x / w_y < 3/2; a width of 0 gives 0, infinity or NaN and fails
        ratio = along_x / along_y
        round_ = (ratio > 1 / 1.5) & (ratio < 1.5)
    # geometric mean of both axes [pixel]; the median over stars bears blends and galaxies
    width = np.sqrt(along_x * along_y)[round_]
    width = width[width > narrowest]
    return float(np.median(width)) if width.size >= 3 else float("nan")


def _width(
    image: NDArray[np.generic],
    y: NDArray[np.intp],
    x: NDArray[np.intp],
    dy: int,
    dx: int,
    sky: float,
) -> NDArray[np.float64]:
    peak = image[y, x].astype(np.float64) - sky
    low = image[y - dy, x - dx].astype(np.float64) - sky
    high = image[y + dy, x + dx].astype(np.float64) - sky
    with np.errstate(invalid="ignore", divide="ignore"):
        # q = sqrt(q_left q_right): for a Gaussian the offset of its centre in the pixel cancels,
        # ln(p / q) = d**2 / (2 sigma**2), so FWHM = 2.3548 d / sqrt(2 ln(p / q))
        drop = np.log(peak / np.sqrt(np.maximum(low, 0) * np.maximum(high, 0)))
        width: NDArray[np.float64] = _FWHM * np.hypot(dy, dx) / np.sqrt(2 * drop)
    # 0 where q = 0 (a side at or below the sky) or q >= p (ln not above 0): not a star
    return np.where(np.isfinite(width), width, 0.0)
