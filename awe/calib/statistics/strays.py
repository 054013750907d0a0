"""Rows, columns and boxes of an image whose level strays from that of those around.

What changes smoothly, or steps once along a straight line, does not stray: each is compared with
the running median around it. Bad columns, banding, objects and reflections do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib._frames import takes_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["boxes", "largest", "lines"]

#: pixels of a line that suffice for its median
_SAMPLE = 64

#: fewest finite pixels that have a median
_FEWEST = 8

#: error of a median over that of a mean, for a Gaussian
_MEDIAN = 1.2533

#: errors of boxes do not differ by more than this from most
_ODD_ERROR = 2.0


@takes_frames(double=True)
def lines(image: NDArray[Any], *, step: float, sigma: float, reach: int) -> float:
    """Return the fraction of rows and columns that stray.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype
        Not modified; pixels that are not finite are left out.
    step : float
        A line strays that is further than this from those around [unit of the image], beyond
        what its noise explains.
    sigma : float
        How many errors of the median of a line the noise explains.
    reach : int
        Lines to each side it is compared with.

    Examples
    --------
    >>> banded = np.random.default_rng(1).normal(0, 1, (100, 100))
    >>> banded[40:50] += 20
    >>> lines(banded, step=5.0, sigma=5.0, reach=15)
    0.05
    """
    rows = image[:, :: max(1, image.shape[1] // _SAMPLE)]
    columns = image[:: max(1, image.shape[0] // _SAMPLE)].T
    strays = 0
    for one in (rows, columns):
        middle, error = _middles(one)
        # mirrored through the last value, so that slopes go on behind the edge
        padded = np.pad(middle, reach, mode="reflect", reflect_type="odd")
        around, _ = _middles(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1))
        strays += int(np.count_nonzero(np.abs(middle - around) > step + sigma * error))
    return float(strays / (image.shape[0] + image.shape[1]))


@takes_frames(double=True)
def boxes(
    image: NDArray[Any], *, step: float, sigma: float, reach: int, across: int
) -> float:
    """Return the fraction of the boxes of an image that stray.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype
        Not modified; pixels that are not finite are left out.
    step : float
        A box strays that is further than this from those around [unit of the image], beyond what
        its noise explains.
    sigma : float
        How many errors of the median of a box the noise explains.
    reach : int
        Boxes to each side it is compared with.
    across : int
        Boxes along a side; fewer where a box would have less than 4 x 4 pixels.
    """
    away, error = _boxes(image, reach=reach, across=across)
    return float(np.mean(away > step + sigma * error))


@takes_frames(double=True)
def largest(image: NDArray[Any], *, sigma: float, reach: int, across: int) -> float:
    """Return how far the box that strays most is from those around, beyond its noise.

    Parameters
    ----------
    image : ndarray, shape (ny, nx), any real dtype
        Not modified; pixels that are not finite are left out.
    sigma : float
        How many errors of the median of a box the noise explains.
    reach : int
        Boxes to each side it is compared with.
    across : int
        Boxes along a side; fewer where a box would have less than 4 x 4 pixels.

    Returns
    -------
    float
        In the unit of the image; 0 where noise explains all.
    """
    away, error = _boxes(image, reach=reach, across=across)
    if not np.isfinite(away).any():
        return 0.0
    # a spot scatters within its box: what is more than others have is not noise
    beyond = away - sigma * np.minimum(error, _ODD_ERROR * np.nanmedian(error))
    return float(max(np.nanmax(beyond), 0.0))


def _boxes(
    image: NDArray[Any], *, reach: int, across: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far the median of each box is from those around, and its error."""
    ny, nx = (max(1, min(across, size // 4)) for size in image.shape)
    height, width = image.shape[0] // ny, image.shape[1] // nx
    parts = image[: ny * height, : nx * width].reshape(ny, height, nx, width).swapaxes(1, 2)
    middle, error = _middles(parts.reshape(ny * nx, height * width))
    grid = np.pad(middle.reshape(ny, nx), reach, mode="reflect", reflect_type="odd")
    side = 2 * reach + 1
    around, _ = _middles(
        np.lib.stride_tricks.sliding_window_view(grid, (side, side)).reshape(ny * nx, side**2)
    )
    return np.abs(middle - around), error


def _middles(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the median of every row of numbers and its error, NaN where too few are finite."""
    ordered = np.array(values, np.float64)
    ordered[~np.isfinite(ordered)] = np.nan
    # NaN comes last
    ordered.sort(axis=1)
    known = np.count_nonzero(~np.isnan(ordered), axis=1)

    def at(place: NDArray[Any]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.take_along_axis(ordered, place[:, None], 1)[:, 0]
        return found

    last = np.maximum(known - 1, 0)
    middle = 0.5 * (at(last // 2) + at((last + 1) // 2))
    spread = 0.5 * (at(np.rint(0.84 * last).astype(int)) - at(np.rint(0.16 * last).astype(int)))
    error = _MEDIAN * spread / np.sqrt(np.maximum(known, 1))
    few = known < min(_FEWEST, values.shape[1])
    middle[few] = np.nan
    return middle, error
