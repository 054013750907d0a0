"""The chips of an exposure in their place, each from a small picture of it, as one image.

Pixels of the image are blocks of the chips. Knows arrays and places only; where they come from
is not its business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Mosaic", "Piece", "Tile", "composed", "in_rows", "nearer"]

#: Longest side of the image [pixel].
SIDE = 4096
#: Space between chips that are not drawn in their true distance, in parts of the largest chip.
GAP = 0.04
#: Part of a picture that chips cover at least if they are drawn in their true distance.
COVERED = 0.4


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """A small picture of one chip, and where it belongs.

    Attributes
    ----------
    name : str
        Name of the chip.
    values : ndarray, shape (ny, nx)
        Means of blocks, NaN where there is no value.
    block : int
        Rows and columns of the frame in one of them.
    active : tuple of int
        First column and row of the frame that see light, counted from 0, and those behind the
        last.
    corner : tuple of float
        Place of the lower left corner of these pixels in the focal plane [pixel of the chip].
    binning : tuple of int
        Pixels of the chip in one of the frame, in x and y; negative where it is mirrored.
    """

    name: str
    values: NDArray[Any]
    block: int
    active: tuple[int, int, int, int]
    corner: tuple[float, float] = (0.0, 0.0)
    binning: tuple[int, int] = (1, 1)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in the focal plane [pixel of the chip]."""
        x0, y0, x1, y1 = self.active
        return (x1 - x0) * abs(self.binning[0]), (y1 - y0) * abs(self.binning[1])


@dataclass(frozen=True, kw_only=True)
class Tile:
    """Where one chip is on the image.

    Attributes
    ----------
    name : str
        Name of the chip.
    edges : tuple of float
        Left, right, lower and upper edge, in FITS pixel coordinates of the image.
    x, y : tuple of float
        Offset and factor that turn FITS pixel coordinates of the image into those of the frame.
    """

    name: str
    edges: tuple[float, float, float, float]
    x: tuple[float, float]
    y: tuple[float, float]

    def holds(self, x: float, y: float) -> bool:
        """Return True if a place of the image is on the chip.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates of the image.
        """
        left, right, low, high = self.edges
        return left <= x < right and low <= y < high

    def on_chip(self, x: float, y: float) -> tuple[float, float]:
        """Return FITS pixel coordinates of the frame for those of the image.

        Parameters
        ----------
        x, y : float
            FITS pixel coordinates of the image.
        """
        return self.x[0] + self.x[1] * x, self.y[0] + self.y[1] * y


@dataclass(frozen=True, kw_only=True, eq=False)
class Mosaic:
    """An image of several chips.

    Attributes
    ----------
    pixels : ndarray of float32, shape (ny, nx)
        The image; NaN between the chips.
    tiles : tuple of Tile
        Where the chips are.
    scale : float
        Pixels of a chip for one of the image.
    origin : tuple of float
        Place in the focal plane of the lower left corner of the image [pixel of the chip].
    """

    pixels: NDArray[Any]
    tiles: tuple[Tile, ...]
    scale: float
    origin: tuple[float, float]


def composed(pieces: Sequence[Piece]) -> Mosaic:
    """Return the image of some chips.

    Parameters
    ----------
    pieces : sequence of Piece
        One or more chips.
    """
    import numpy as np

    x0, y0, x1, y1 = _around(pieces)
    finest = min(one.block * min(map(abs, one.binning)) for one in pieces)
    scale = max(float(finest), (x1 - x0) / SIDE, (y1 - y0) / SIDE)
    shape = math.ceil((y1 - y0) / scale), math.ceil((x1 - x0) / scale)
    pixels = np.full(shape, np.nan, np.float32)
    tiles = []
    for one in pieces:
        columns, from_columns, x = _along(one, 0, x0, scale)
        rows, from_rows, y = _along(one, 1, y0, scale)
        pixels[rows, columns] = one.values[np.ix_(from_rows, from_columns)]
        edges = (columns.start + 0.5, columns.stop + 0.5, rows.start + 0.5, rows.stop + 0.5)
        tiles.append(Tile(name=one.name, edges=edges, x=x, y=y))
    return Mosaic(pixels=pixels, tiles=tuple(tiles), scale=scale, origin=(x0, y0))


def _around(pieces: Sequence[Piece]) -> tuple[float, float, float, float]:
    return (
        min(one.corner[0] for one in pieces),
        min(one.corner[1] for one in pieces),
        max(one.corner[0] + one.size[0] for one in pieces),
        max(one.corner[1] + one.size[1] for one in pieces),
    )


def _along(
    piece: Piece, axis: int, origin: float, scale: float
) -> tuple[slice, NDArray[Any], tuple[float, float]]:
    """Return which pixels of the image show a chip along an axis, what of it, and where that is.

    The last is offset and factor from FITS pixels of the image to those of the frame.
    """
    import numpy as np

    step = piece.binning[axis]
    first, behind = piece.active[axis], piece.active[axis + 2]
    place = (piece.corner[axis] - origin) / scale
    start = math.ceil(place - 0.5)
    stop = max(math.ceil(place + piece.size[axis] / scale - 0.5), start + 1)
    # the centre of pixel j of the image, counted from 0, is at j + 1/2 of its blocks
    along = (np.arange(start, stop) + 0.5 - place) * scale / abs(step)
    if step < 0:
        along = behind - first - along
    number = piece.values.shape[1 - axis]
    source = np.clip(((along + first) // piece.block).astype(int), 0, number - 1)
    factor = scale / step
    # frame = first + along + 1/2 in FITS pixels, along = (j + 1/2 - place) scale / step
    offset = first + 0.5 - (0.5 + place) * factor + (behind - first if step < 0 else 0)
    return slice(start, stop), source, (offset, factor)


def in_rows(pieces: Sequence[Piece]) -> list[Piece]:
    """Return chips whose places nobody knows, side by side in rows from the upper left.

    Parameters
    ----------
    pieces : sequence of Piece
        The chips, in their order.
    """
    wide, high = (max(one.size[axis] for one in pieces) * (1 + GAP) for axis in (0, 1))
    columns = max(1, round(math.sqrt(len(pieces) * high / wide)))
    return [
        replace(one, corner=(number % columns * wide, -(number // columns) * high))
        for number, one in enumerate(pieces)
    ]


def nearer(pieces: Sequence[Piece]) -> tuple[list[Piece], bool]:
    """Return chips with less space between them where they would be small in it, and whether.

    Windows of the chips of a large camera are far from each other; their order is kept.

    Parameters
    ----------
    pieces : sequence of Piece
        Chips with their places.
    """
    x0, y0, x1, y1 = _around(pieces)
    covered = sum(one.size[0] * one.size[1] for one in pieces)
    if covered >= COVERED * (x1 - x0) * (y1 - y0):
        return list(pieces), False
    moved = list(pieces)
    for axis in (0, 1):
        most = GAP * max(one.size[axis] for one in moved)
        order = sorted(range(len(moved)), key=lambda one: moved[one].corner[axis])
        end, shift = moved[order[0]].corner[axis], 0.0
        for number in order:
            piece = moved[number]
            gap = piece.corner[axis] - end
            shift += max(gap - most, 0.0)
            end = max(end, piece.corner[axis] + piece.size[axis])
            corner = list(piece.corner)
            corner[axis] -= shift
            moved[number] = replace(piece, corner=(corner[0], corner[1]))
    return moved, True
