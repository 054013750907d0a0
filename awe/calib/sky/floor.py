"""Level and noise of the sky over boxes, from the lower half of their pixels.

Stars, hits and galaxies are above the sky, so what is below the median is noise alone. For
searches: between the boxes the floor is linear, not smooth as a `background.Surface`.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from awe.calib._jit import compiled
from awe.calib.sky.background import filled, smoothed
from awe.calib.statistics.order import ranked
from awe.calib.threads import bands

__all__ = ["Floor", "at", "estimate"]

#: 15.87 per cent of a Gaussian are more than one sigma below its median
_ONE_SIGMA = 0.1587

#: fewer values than these give a box no level
_LEAST = 30


@dataclass(frozen=True, kw_only=True)
class Floor:
    """Sky of an image on a mesh of boxes that divide it evenly.

    Attributes
    ----------
    level : ndarray of float32, shape (my, mx)
        Median of each box, in the unit of the image; all finite.
    noise : ndarray of float32, shape (my, mx)
        Standard deviation of one pixel of sky; all above 0.
    """

    level: Any
    noise: Any


@compiled
def _boxes(image, bad, step, begin, end, level, noise):
    ny, nx = image.shape
    my, mx = level.shape
    side = max(ny // my, nx // mx) + 1
    values = np.empty((side // step + 1) ** 2, np.float32)
    keys = np.empty(values.size + 1, np.int32)
    for j in range(begin, end):
        for i in range(mx):
            n = 0
            # the start shifts from row to row: no column is left out for good
            for y in range(j * ny // my, (j + 1) * ny // my, step):
                for x in range(i * nx // mx + (y // step) % step, (i + 1) * nx // mx, step):
                    v = image[y, x]
                    values[n] = v
                    n += (v - v == np.float32(0)) & (not bad[y, x])
            if n < _LEAST:
                level[j, i] = noise[j, i] = np.nan
                continue
            # sigma = median - quantile(0.1587), the lower half of a Gaussian
            level[j, i] = ranked(values, keys, n, n // 2)
            noise[j, i] = level[j, i] - ranked(values, keys, n, int(_ONE_SIGMA * n))


@compiled
def at(mesh, y, x, ny, nx):
    """Return a mesh at a pixel: linear between the centres of the boxes, constant beyond.

    Parameters
    ----------
    mesh : ndarray of float32, shape (my, mx)
        One value per box.
    y, x : float
        Place in the image [pixel].
    ny, nx : int
        Shape of the image, which the boxes divide evenly.
    """
    my, mx = mesh.shape
    # box k of n / m pixels is centred on (k + 1/2) n / m - 1/2
    v = min(max((y + 0.5) * my / ny - 0.5, 0.0), my - 1.0)
    u = min(max((x + 0.5) * mx / nx - 0.5, 0.0), mx - 1.0)
    j = int(v)
    i = int(u)
    below = min(j + 1, my - 1)
    right = min(i + 1, mx - 1)
    v -= j
    u -= i
    first = (1.0 - u) * mesh[j, i] + u * mesh[j, right]
    second = (1.0 - u) * mesh[below, i] + u * mesh[below, right]
    return (1.0 - v) * first + v * second


def estimate(image: Any, bad: Any, *, box: int, step: int) -> Floor:
    """Return the sky of an image in boxes.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image in any unit; not modified. Non-finite pixels are left out.
    bad : ndarray of bool, shape (ny, nx)
        Pixels to leave out.
    box : int, pixel
        Side of the boxes, about.
    step : int, pixel
        Pitch at which the pixels of a box are read.

    Raises
    ------
    NoValidPixels
        No box has pixels enough.

    Notes
    -----
    Boxes without a level take the mean of their neighbours; a 3 x 3 median of the boxes removes
    those within a large object.

    Examples
    --------
    >>> noisy = np.random.default_rng(1).normal(700, 5, (256, 256)).astype(np.float32)
    >>> noisy[100:120, 100:120] += 5000
    >>> sky = estimate(noisy, np.zeros(noisy.shape, np.bool_), box=64, step=2)
    >>> bool(abs(sky.level - 700).max() < 1), bool(abs(sky.noise - 5).max() < 0.6)
    (True, True)
    """
    shape = tuple(max(1, round(size / box)) for size in image.shape)
    level, noise = np.empty(shape, np.float32), np.empty(shape, np.float32)
    bands(
        lambda rows: _boxes(image, bad, step, rows.start, rows.stop, level, noise),
        shape[0],
        least=8,
    )
    # a sky without any noise: a millionth of it, and above 0
    level = smoothed(filled(level))
    least = np.maximum(np.float32(1e-6) * np.abs(level), np.float32(1e-6))
    return Floor(level=level, noise=np.maximum(smoothed(filled(noise)), least))
