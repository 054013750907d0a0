"""Where the pixels of a new grid fall on a frame: exact on a coarse grid, straight in between.

Exact positions cost a hundred times more than the pixels themselves. The coarse grid is made
finer until the error in the middle of its cells, where it is largest, is below the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.errors import WrongShape

__all__ = ["Mapping", "mapping"]

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Place = Callable[[Values, Values], tuple[Values, Values]]

#: first and last pitch of the coarse grid [pixel]
_WIDEST, _FINEST = 64, 4


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """Where the pixels of a new grid fall on a frame.

    Attributes
    ----------
    x, y : ndarray of float64, shape (my, mx), pixel
        Zero-based places on the frame, at the nodes of the coarse grid.
    area : ndarray of float64, shape (my, mx)
        Area of a pixel of the new grid [pixel of the frame].
    step : int, pixel
        Pitch of the nodes on the new grid.
    error : float, pixel
        Largest error in between that was found.
    shape : (int, int)
        (ny, nx) of the new grid.
    """

    x: Values
    y: Values
    area: Values
    step: int
    error: float
    shape: tuple[int, int]


def mapping(place: Place, shape: tuple[int, int], *, tolerance: float) -> Mapping:
    """Return where the pixels of a new grid fall on a frame.

    Parameters
    ----------
    place : callable
        Function of zero-based x and y on the new grid (arrays) that returns those on the frame.
    shape : (int, int)
        (ny, nx) of the new grid.
    tolerance : float, pixel
        Largest error of the straight lines between the nodes.

    Raises
    ------
    WrongShape
        The error stays above the tolerance however fine the nodes: the coordinates fold over.
    """
    step = _WIDEST
    while True:
        found = _coarse(place, shape, step)
        if found.error <= tolerance:
            return found
        if step <= _FINEST:
            msg = (
                f"coordinates differ by {found.error:.2g} pixels from straight lines over "
                f"{step} pixels, expected {tolerance:g} at most; the solution does not hold "
                "over the whole frame"
            )
            raise WrongShape(msg)
        step //= 2


def _coarse(place: Place, shape: tuple[int, int], step: int) -> Mapping:
    ny, nx = shape
    # one node beyond the last pixel at least, so that every pixel has nodes around it
    along_x = np.arange(0, nx + step, step, dtype=np.float64)
    along_y = np.arange(0, ny + step, step, dtype=np.float64)
    grid_x, grid_y = np.meshgrid(along_x, along_y)
    x, y = (part.reshape(grid_x.shape) for part in place(grid_x.ravel(), grid_y.ravel()))
    middle_x, middle_y = grid_x[:-1, :-1] + step / 2, grid_y[:-1, :-1] + step / 2
    exact = place(middle_x.ravel(), middle_y.ravel())
    errors = [
        np.abs(0.25 * (p[:-1, :-1] + p[1:, :-1] + p[:-1, 1:] + p[1:, 1:]).ravel() - q)
        for p, q in zip((x, y), exact, strict=True)
    ]
    error = float(np.max(errors))
    # the determinant of dx/dX, dx/dY, dy/dX, dy/dY
    x_along_y, x_along_x = np.gradient(x, step)
    y_along_y, y_along_x = np.gradient(y, step)
    area = np.abs(x_along_x * y_along_y - x_along_y * y_along_x)
    return Mapping(
        x=x, y=y, area=area, step=step, error=error if np.isfinite(error) else np.inf, shape=shape
    )
