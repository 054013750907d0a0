"""An image at half, a quarter, ... of its size, each made when it is first looked at.

What a screen shows of a large frame is taken from the level that has about as many pixels as
the screen, so that a chip of 2144 x 4200 pixels moves as fast as a small one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awe.inspect.stretch import block_mean, drawable

__all__ = ["Pyramid", "either", "halved"]


class Pyramid:
    """The levels of one image.

    Parameters
    ----------
    pixels : ndarray, shape (ny, nx)
        The image; not modified.
    halve : callable, optional
        Function of a level that returns the next one; means of blocks where left out.
    """

    def __init__(
        self,
        pixels: NDArray[Any],
        halve: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    ) -> None:
        self._halve = halve or halved
        self._levels: list[NDArray[Any]] = [pixels]
        self._last = int(np.log2(min(pixels.shape)))

    def level(self, number: int) -> NDArray[Any]:
        """Return the level whose blocks have `2**number` pixels a side.

        Parameters
        ----------
        number : int
            0 is the image itself.
        """
        while len(self._levels) <= number:
            self._levels.append(self._halve(self._levels[-1]))
        return self._levels[number]

    def seen(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[Any], tuple[slice, slice]]:
        """Return what a grid of points sees of the image, and which of its points see it.

        Parameters
        ----------
        x, y : ndarray of float64
            Rising positions of columns and rows, in pixels from the lower left edge of the image.

        Returns
        -------
        values : ndarray, float32 if the image has floats
            Blocks at most as wide as the step of the grid.
        where : tuple of slice
            Rows and columns of the grid that are on the image.
        """
        step = min((x[-1] - x[0]) / max(x.size - 1, 1), (y[-1] - y[0]) / max(y.size - 1, 1))
        number = min(int(np.log2(max(step, 1.0))), self._last)
        level = self.level(number)
        columns = np.floor(x / 2**number).astype(np.intp)
        rows = np.floor(y / 2**number).astype(np.intp)
        right = slice(*np.searchsorted(columns, (0, level.shape[1])))
        up = slice(*np.searchsorted(rows, (0, level.shape[0])))
        values = level[np.ix_(rows[up], columns[right])]
        if values.dtype.kind == "f":
            values = drawable(values).astype(np.float32, copy=False)
        return values, (up, right)

    def at(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return what points in any order see of the image, and which of them see it.

        Parameters
        ----------
        x, y : ndarray of float64, shape (ny, nx)
            Positions of a grid that may be turned, in pixels from the lower left edge of the
            image; NaN is outside.

        Returns
        -------
        values : ndarray, float32 if the image has floats, shape (n,)
            Of the points that see the image.
        where : ndarray of bool, shape (ny, nx)
            The points that do.
        """
        steps = [np.hypot(np.diff(x, axis=a), np.diff(y, axis=a)) for a in (0, 1)]
        known = [float(np.nanmedian(one)) for one in steps if np.isfinite(one).any()]
        number = min(int(np.log2(max(min(known, default=1.0), 1.0))), self._last)
        level = self.level(number)
        ny, nx = level.shape
        with np.errstate(invalid="ignore"):
            across, up = x / 2**number, y / 2**number
            where = (across >= 0) & (across < nx) & (up >= 0) & (up < ny)
        values = level[up[where].astype(np.intp), across[where].astype(np.intp)]
        if values.dtype.kind == "f":
            values = drawable(values).astype(np.float32, copy=False)
        return values, where


def halved(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return the means of blocks of 2 x 2 pixels.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Not modified. NaN is left out of a block's mean; a block of NaN is NaN.

    Returns
    -------
    ndarray of float32, shape (ceil(ny / 2), ceil(nx / 2))
        Blocks cut by the upper and right edge are means of the pixels they have.
    """
    ny, nx = image.shape
    if ny % 2 or nx % 2:
        return block_mean(image, 2)
    with np.errstate(invalid="ignore", over="ignore"):
        pairs = np.add(image[::2], image[1::2], dtype=np.float32, casting="unsafe")
        means: NDArray[np.float32] = (pairs[:, ::2] + pairs[:, 1::2]) * np.float32(0.25)
    return means if np.isfinite(means).all() else block_mean(image, 2)


def either(flags: NDArray[Any]) -> NDArray[Any]:
    """Return the bits that any pixel of blocks of 2 x 2 has.

    Parameters
    ----------
    flags : ndarray of integers, shape (ny, nx)
        Not modified.

    Returns
    -------
    ndarray of integers, shape (ceil(ny / 2), ceil(nx / 2))
        Blocks cut by the upper and right edge have the bits of the pixels they have.
    """
    rows, columns = (np.arange(0, side, 2) for side in flags.shape)
    found: NDArray[Any] = np.bitwise_or.reduceat(flags, rows, axis=0)
    return np.bitwise_or.reduceat(found, columns, axis=1)
