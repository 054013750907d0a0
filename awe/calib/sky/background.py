"""The smooth part of an image: medians over a mesh of boxes, joined by a spline.

`Surface` keeps the mesh and evaluates any rows of the image from it, so a full-size background
exists only if it is requested.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.detector.trim import require_shape
from awe.calib.statistics import order
from awe.calib.threads import bands
from awe.errors import NoValidPixels, ParameterError

__all__ = ["Surface", "estimate", "filled", "joined", "medians", "smoothed"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A smooth image kept as a mesh.

    Attributes
    ----------
    mesh : ndarray of float32, shape (my, mx)
        Values at the centres of the boxes, in the unit of the image; all finite.
    spread : ndarray of float32, shape (my, mx)
        Noise of one pixel in each box.
    box : int, pixel
        Size of a box.
    shape : (int, int)
        (ny, nx) of the image.
    """

    mesh: Grid
    spread: Grid
    box: int
    shape: tuple[int, int]

    def rows(self, rows: slice = slice(None)) -> NDArray[np.float32]:
        """Return some rows of the smooth image (float32, all by default).

        A row has the same pixels whichever rows are requested with it.

        Parameters
        ----------
        rows : slice
            Rows of the image [pixel]; all by default.
        """
        # S(y, x) = sum over j of A(y, j) B(j, x): the spline along y through the rows of `across`
        along_y = _spline(self.mesh.shape[0], self.box, self.shape[0])[rows]
        result = np.empty((along_y.shape[0], self.shape[1]), np.float32)
        order.mesh_rows(along_y, self.across, result)
        return result

    @cached_property
    def across(self) -> NDArray[np.float32]:
        """Mesh evaluated at every column: float32, shape (my, nx)."""
        # B(j, x) = sum over i of A(x, i) mesh(j, i): my rows are kept, not ny
        along_x = _spline(self.mesh.shape[1], self.box, self.shape[1])
        result = np.empty((self.mesh.shape[0], self.shape[1]), np.float32)
        order.mesh_rows(self.mesh, np.ascontiguousarray(along_x.T), result)
        return result

    @property
    def level(self) -> float:
        """Median of the mesh."""
        return float(np.median(self.mesh))


@takes_frames()
def estimate(
    image: NDArray[np.float32],
    *,
    box: int,
    bad: NDArray[np.bool_] | None = None,
    clip: float = 0.0,
    step: int = 1,
) -> Surface:
    """Return the smooth part of an image.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Not modified. Non-finite pixels are left out.
    box : int, pixel
        Size of the boxes; structure much smaller does not enter the background.
    bad : ndarray of bool, shape (ny, nx), optional
        Pixels to leave out.
    clip : float
        Distance of the values that are removed from those of each box; 0 removes none.
    step : int
        Read every step-th pixel in x and y.

    Raises
    ------
    NoValidPixels
        No box has a quarter of its pixels.

    Notes
    -----
    Boxes without a value take the mean of their neighbours; a 3 x 3 median of the boxes removes
    those spoilt by an extended object.

    Examples
    --------
    >>> estimate(np.full((100, 100), 7, np.float32), box=32).level
    7.0
    """
    centre, spread, _ = medians(image, box=box, bad=bad, clip=clip, step=step, least=0.25)
    return Surface(
        mesh=smoothed(filled(centre)),
        spread=smoothed(filled(spread)),
        box=box,
        shape=(image.shape[0], image.shape[1]),
    )


@takes_frames()
def medians(
    image: NDArray[np.float32],
    *,
    box: int,
    bad: NDArray[np.bool_] | None,
    clip: float,
    step: int,
    least: float,
) -> tuple[Grid, Grid, NDArray[np.int32]]:
    """Return median, spread (1.4826 MAD) and number of values of every box; NaN where too few.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Image in any unit; not modified.
    box : int
        Side of a box [pixel].
    bad : ndarray of bool, shape (ny, nx), or None
        Pixels to leave out, True = bad.
    clip : float
        Rejection limit about the median of a box [sigma]; 0 rejects nothing.
    step : int
        Pitch at which the pixels of a box are read [pixel].
    least : float
        Fraction of its pixels a box must have to get a value.
    """
    if box < 2 or not 1 <= step <= box:
        msg = f"boxes of {box} pixels in steps of {step} make no mesh; expected 1 <= step <= box"
        raise ParameterError(msg)
    if bad is not None:
        require_shape(bad, image.shape, "the map of bad pixels")
    # a narrow box at the edge would be noise: what is less than half a box goes to the last one
    shape = tuple(max(1, int(size / box + 0.5)) for size in image.shape)
    centre = np.empty(shape, np.float32)
    spread = np.empty(shape, np.float32)
    number = np.empty(shape, np.int32)
    left_out = np.zeros(image.shape, np.bool_) if bad is None else np.ascontiguousarray(bad)
    pixels = np.ascontiguousarray(image, np.float32)
    bands(
        lambda rows: order.mesh_statistics(
            pixels, left_out, box, step, least, clip, rows.start, rows.stop, centre, spread,
            number,
        ),
        shape[0],
        least=8,
    )
    return centre, spread, number


def filled(mesh: Grid) -> Grid:
    """Return a mesh whose NaNs are replaced by the mean of their neighbours, spreading out.

    Parameters
    ----------
    mesh : ndarray of float32, shape (my, mx)
        One value per box, NaN if there is none; not modified.
    """
    result = mesh.copy()
    if not np.isfinite(result).any():
        msg = "no box of the mesh has enough good pixels; use larger boxes or look at the frame"
        raise NoValidPixels(msg)
    while (missing := ~np.isfinite(result)).any():
        padded = np.pad(result, 1, constant_values=np.nan)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))[missing]
        known = np.isfinite(windows)
        number = known.sum(axis=(1, 2))
        total = np.where(known, windows, 0).sum(axis=(1, 2))
        result[missing] = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return result


def smoothed(mesh: Grid) -> Grid:
    """Return the 3 x 3 median of a finite mesh; gradients go on beyond its edges.

    Parameters
    ----------
    mesh : ndarray of float32, shape (my, mx)
        One finite value per box; not modified.
    """
    if min(mesh.shape) < 2:
        return mesh
    # odd reflection, m(-1) = 2 m(0) - m(1): the median keeps a plane as it is, edges included
    padded = np.pad(mesh, 1, mode="reflect", reflect_type="odd")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    result: Grid = np.median(windows, axis=(2, 3)).astype(np.float32)
    return result


def joined(mesh: Grid, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the image (float32) through a finite mesh whose boxes divide it evenly.

    Parameters
    ----------
    mesh : ndarray of float32, shape (my, mx)
        One finite value per box.
    shape : tuple of int
        Shape (ny, nx) of the image.
    """
    # image = A_y mesh A_x^T, box k centred on (k + 1/2) n / m - 1/2 along each axis of n pixels
    (my, mx), (ny, nx) = mesh.shape, shape
    result: NDArray[np.float32] = (
        _spline(my, ny / my, ny) @ (mesh @ _spline(mx, nx / mx, nx).T)
    )
    return result


@lru_cache(maxsize=64)
def _spline(knots: int, box: float, size: int) -> NDArray[np.float32]:
    """Return the matrix (size, knots) from values at box centres to values at pixels.

    Cubic where there are four boxes; beyond the outer centres the spline goes on straight.
    """
    pixel = np.arange(size, dtype=np.float64)
    # pixel k spans k - 1/2 to k + 1/2, so box k of b pixels is centred on (k + 1/2) b - 1/2
    centre = np.minimum((np.arange(knots) + 0.5) * box, size) - 0.5
    if knots > 1:
        # the last box ends at the edge
        centre[-1] = (size + (knots - 1) * box) / 2 - 0.5
    if knots == 1:
        return np.ones((size, 1), np.float32)
    # two or three boxes: straight between the centres, constant beyond them
    if knots < 4:
        columns = [np.interp(pixel, centre, row) for row in np.eye(knots)]
        return np.stack(columns, axis=1).astype(np.float32)
    from scipy.interpolate import CubicSpline

    # column k is the spline through 1 at box k and 0 at all others: it is linear in the mesh;
    # natural: f'' = 0 at the outer centres, so that the straight line beyond joins smoothly
    spline = CubicSpline(centre, np.eye(knots), bc_type="natural")
    # f(x) = f(c) + f'(c) (x - c) beyond the outer centre c; between them x = c and f(x) stays
    inside = np.clip(pixel, centre[0], centre[-1])
    matrix = spline(inside) + spline(inside, 1) * (pixel - inside)[:, None]
    result: NDArray[np.float32] = np.ascontiguousarray(matrix, np.float32)
    result.setflags(write=False)
    return result
