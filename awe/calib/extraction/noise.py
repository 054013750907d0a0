"""How much the noise of neighbouring pixels belongs together.

Resampled frames have pixels that share light: the noise of a sum of n pixels is then larger than
the square root of n times that of one. The factor is measured where there are no sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import sep

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["circle_factors", "correlation_factor"]

#: side of the sums [pixel]: longer than the reach of the usual kernels
_SIDE = 6

#: rows that are looked at
_ROWS = 1000

#: fewest sums that tell the factor
_FEWEST = 200

#: most circles of one size that are measured in empty places
_MOST = 6000

#: pixels between them, so that they share no light
_APART = 3

#: steps that put circles at ever other places within pixels
_GOLDEN, _SILVER = 0.6180339887, 0.4142135624

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


def circle_factors(
    sky: NDArray[np.float32], noise: NDArray[np.float32], empty: NDArray[np.bool_],
    diameters: tuple[float, ...], factor: float,
) -> tuple[float, ...]:  # fmt: skip
    """Return how much noisier circles are than the square root of their area tells.

    Parameters
    ----------
    sky : ndarray of float32, shape (ny, nx), ADU
        Frame without its sky.
    noise : ndarray of float32, shape (ny, nx), ADU
        Standard deviation of a pixel.
    empty : ndarray of bool, shape (ny, nx)
        True where a pixel is good and belongs to no source.
    diameters : tuple of float
        Diameters of the circles [pixel].
    factor : float
        What is returned for circles with too few empty places, `correlation_factor`.

    Notes
    -----
    Circles in empty places are compared with their neighbour in the row, at most 6000 of a size.
    Small circles have less of the correlated noise of neighbours than large areas, and pixels
    they hold in part count by the square of that part.
    """
    ny = min(sky.shape[0], _ROWS)
    first = (sky.shape[0] - ny) // 2
    cut = slice(first, first + ny)
    good = empty[cut]
    scaled = np.where(good, sky[cut] / noise[cut], 0).astype(np.float32)
    single = float(np.square(scaled, dtype=np.float64).sum()) / max(int(np.count_nonzero(good)), 1)
    taken = ~good
    return tuple(_of_circles(scaled, taken, single, size, factor) for size in diameters)


def _of_circles(
    scaled: NDArray[np.float32], taken: NDArray[np.bool_], single: float, diameter: float,
    factor: float,
) -> float:  # fmt: skip
    step = int(np.ceil(diameter)) + _APART
    ny, nx = scaled.shape
    columns, rows = (nx - step) // (2 * step) * 2, (ny - step) // step
    if columns < 2 or rows < 1 or single <= 0:
        return factor
    rows = min(rows, max(_MOST // columns, 1))
    number = np.arange(rows * columns)
    x = step * (number % columns + 0.5) + number * _GOLDEN % 1
    y = step * (number // columns + 0.5) + number * _SILVER % 1
    sums, inside = (
        sep.sum_circle(plane, x, y, diameter / 2, subpix=0)[0].reshape(rows, columns)
        for plane in (scaled, taken)
    )
    both = (inside[:, ::2] == 0) & (inside[:, 1::2] == 0)
    if both.sum() < _FEWEST:
        return factor
    spread = _clipped((sums[:, ::2] - sums[:, 1::2])[both])
    return float(spread / np.sqrt(2 * np.pi * diameter**2 / 4 * single))


def _clipped(values: NDArray[np.float64]) -> float:
    """Return the standard deviation without what is too far out."""
    spread = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    near = values[np.abs(values - np.median(values)) <= _CLIP * spread]
    return float(near.std()) if near.size else 0.0
