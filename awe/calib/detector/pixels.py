"""Maps of hot pixels (from a master bias) and cold pixels (from a dome flat).

Stored maps are 1 = good; these functions return `bad`, True where a pixel must not be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib import statistics
from awe.calib._frames import takes_frames
from awe.calib.sky import background

__all__ = ["cold", "hot", "residual"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: rounds of rejection when the noise of a master is measured
_ROUNDS = 10


@takes_frames()
def hot(bias: NDArray[np.float32], *, threshold: float, box: int) -> NDArray[np.bool_]:
    """Return the pixels of a master bias that stand out of their surroundings, either way.

    Parameters
    ----------
    bias : ndarray of float32, shape (ny, nx), ADU
        Master bias; not modified.
    threshold : float
        In units of the noise of the master bias.
    box : int, pixel
        Size of the boxes whose medians give the background.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True = bad; non-finite pixels are.

    Notes
    -----
    The noise is the clipped standard deviation of all pixels about the background, so hot pixels
    do not raise their own threshold.
    """
    stands_out = residual(bias, box)
    # sd of r = bias - smooth bias, clipped at 4 sd and corrected for the tails cut off [ADU]
    noise = statistics.clipped(stands_out, sigma=4.0, iterations=_ROUNDS).stdev
    with np.errstate(invalid="ignore"):
        # bad unless |r| <= threshold sd: NaN fails the comparison and is bad
        bad: NDArray[np.bool_] = ~(np.abs(stands_out) <= threshold * max(noise, 1e-6))
    return bad


@takes_frames()
def cold(
    flat: NDArray[np.float32], *, low: float, high: float, box: int
) -> NDArray[np.bool_]:
    """Return the pixels whose response deviates from their surroundings, either way.

    Parameters
    ----------
    flat : ndarray of float32, shape (ny, nx)
        Normalised dome flat; not modified.
    low, high : float
        Limits of the response relative to the local level, for example 0.94 and 1.06.
    box : int, pixel
        Size of the boxes whose medians give the local level.

    Returns
    -------
    ndarray of bool, shape (ny, nx)
        True = bad; non-finite pixels are.
    """
    surface = background.estimate(flat, box=box, clip=4.0, step=2)
    bad = np.empty(flat.shape, np.bool_)
    # 64 rows at a time: the smooth level never exists as a whole
    for start in range(0, flat.shape[0], 64):
        rows = slice(start, start + 64)
        level = surface.rows(rows)
        with np.errstate(invalid="ignore"):
            # good where low <= f / level <= high, without a division; NaN is bad
            bad[rows] = ~((flat[rows] >= low * level) & (flat[rows] <= high * level))
    return bad


@takes_frames()
def residual(image: NDArray[np.float32], box: int) -> NDArray[np.float32]:
    """Return how far each pixel stands out of its surroundings, in the unit of the image.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Master bias or dark; not modified.
    box : int, pixel
        Size of the boxes whose medians give the background.
    """
    surface = background.estimate(image, box=box, clip=4.0, step=2)
    return image - surface.rows()
