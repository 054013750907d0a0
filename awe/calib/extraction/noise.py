"""How much the noise of neighbouring pixels belongs together.

Resampled frames have pixels that share light: the noise of a sum of n pixels is then larger than
the square root of n times that of one. The factor is measured where there are no sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["correlation_factor"]

#: side of the sums [pixel]: longer than the reach of the usual kernels
_SIDE = 6

#: rows that are looked at
_ROWS = 1000

#: fewest sums that tell the factor
_FEWEST = 200

#: differences further out are not noise [sigma]
_CLIP = 4.0

#: factors below are those of independent pixels, as well as they can be told
_TOLD = 1.05


def correlation_factor(
    sky: NDArray[np.float32], noise: NDArray[np.float32], empty: NDArray[np.bool_]
) -> float:
    """Return how much noisier sums of pixels are than those of independent pixels, at least 1.

    Parameters
    ----------
    sky : ndarray of float32, shape (ny, nx), ADU
        Frame without its sky.
    noise : ndarray of float32, shape (ny, nx), ADU
        Standard deviation of a pixel.
    empty : ndarray of bool, shape (ny, nx)
        True where a pixel is good and belongs to no source.

    Notes
    -----
    Sums of 6 x 6 pixels, of at most 1000 rows in the middle, are compared with their neighbour
    in the row, so that what is left of the sky does not count. A factor below 1.05 is returned
    as 1.
    """
    ny = min(sky.shape[0], _ROWS) // _SIDE * _SIDE
    nx = sky.shape[1] // (2 * _SIDE) * (2 * _SIDE)
    if not ny or not nx:
        return 1.0
    first = (sky.shape[0] - ny) // 2
    cut = (slice(first, first + ny), slice(0, nx))
    shape = (ny // _SIDE, _SIDE, nx // _SIDE, _SIDE)
    whole: NDArray[np.bool_] = np.logical_and.reduce(empty[cut].reshape(shape), axis=(1, 3))
    scaled = (sky[cut] / noise[cut]).reshape(shape)
    sums = scaled.sum(axis=(1, 3), dtype=np.float64)
    squares = np.square(scaled).sum(axis=(1, 3), dtype=np.float64)
    both = whole[:, ::2] & whole[:, 1::2]
    if both.sum() < _FEWEST:
        return 1.0
    # Var(s1 - s2) = 2 n sigma^2 f^2 of sums of n pixels, with sigma^2 from the same pixels.
    steps = (sums[:, ::2] - sums[:, 1::2])[both]
    single = np.mean((squares[:, ::2] + squares[:, 1::2])[both]) / (2 * _SIDE**2)
    spread = _clipped(steps)
    factor = float(np.sqrt(spread**2 / (2 * _SIDE**2 * single))) if single > 0 else 1.0
    return factor if factor >= _TOLD else 1.0


def _clipped(values: NDArray[np.float64]) -> float:
    """Return the standard deviation without what is too far out."""
    spread = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    near = values[np.abs(values - np.median(values)) <= _CLIP * spread]
    return float(near.std()) if near.size else 0.0
