"""Frames on one grid added up, in bands of rows of bounded memory.

Values are clipped about the median by a model of the noise that grows with the light, and by a
part of the light itself (Gruen, Seitz & Bernstein 2014, PASP 126, 158): in the core of a star
frames differ by their seeing, and nothing of it may be taken for an outlier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib._memory import keep_pages
from awe.calib.coaddition import kernels
from awe.calib.threads import bands, processors
from awe.errors import NoValidPixels

__all__ = ["Coadded", "Combine", "Layer", "coadd"]

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    Image = NDArray[np.float32]

    Plane = Callable[[tuple[int, int], DTypeLike], NDArray[Any]]

#: widest part of a band that is combined at once [pixel]
_WIDE = 1024

#: lowest band [rows]
_LOW = 16


class Combine(StrEnum):
    """How the values of a pixel become one; the names are those of SWarp."""

    WEIGHTED = "WEIGHTED"
    MEDIAN = "MEDIAN"
    CLIPPED = "CLIPPED"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One frame of a sum, read as it is needed.

    Attributes
    ----------
    row, column : int
        Place of its first pixel on the sum.
    shape : (int, int)
        (ny, nx) of the frame.
    noise : float
        Noise of a pixel of the sky of weight 1, in the unit of the values.
    gain : float
        Photons per unit, for the noise of the light of stars.
    read : callable
        Function of a slice of its rows that returns their values and relative weights.
    """

    row: int
    column: int
    shape: tuple[int, int]
    noise: float
    gain: float
    read: Callable[[slice], tuple[Image, Image]]


@dataclass(frozen=True, kw_only=True)
class Coadded:
    """The sum of several frames.

    Attributes
    ----------
    image : ndarray of float32, shape (ny, nx)
        Mean light in the unit of the layers, NaN where no frame has a value.
    weight : ndarray of float32, shape (ny, nx)
        Inverse variance of the sky over that of all layers together at weight 1.
    variance : ndarray of float32, shape (ny, nx)
        Variance of a pixel in the square of the unit.
    coverage : ndarray of int16, shape (ny, nx)
        Number of frames that a pixel comes from.
    used, clipped : tuple of int
        Of each layer, pixels with a weight, and those of them that were left out as outliers.
    """

    image: Image
    weight: Image
    variance: Image
    coverage: NDArray[np.int16]
    used: tuple[int, ...]
    clipped: tuple[int, ...]


def coadd(
    layers: Sequence[Layer],
    shape: tuple[int, int],
    *,
    method: Combine,
    sigma: float,
    fraction: float,
    memory: int = 256_000_000,
    plane: Plane = np.empty,
    done: Callable[[], None] | None = None,
) -> Coadded:
    """Return the mean or median of frames on one grid.

    Parameters
    ----------
    layers : sequence of Layer
        The frames.
    shape : (int, int)
        (ny, nx) of the sum.
    method : Combine
        How the values of a pixel become one.
    sigma, fraction : float
        Values are left out that are further from the median than `sigma` times their noise and
        `fraction` of the median together, where three frames or more have one; for `CLIPPED`.
    memory : int, byte
        Largest sum of the rows of all layers that are in memory at once.
    plane : callable
        Function of shape and dtype that returns an array for the result, of any content.
    done : callable, optional
        Called after each band: what was written of the planes is not needed any more.

    Raises
    ------
    NoValidPixels
        There is no layer.

    Examples
    --------
    >>> ones = np.ones((4, 4), np.float32)
    >>> several = [
    ...     Layer(row=0, column=0, shape=(4, 4), noise=1.0, gain=1.0,
    ...           read=lambda rows, k=k: (ones[rows] * k, ones[rows]))
    ...     for k in (1, 2, 6)
    ... ]
    >>> float(coadd(several, (4, 4), method=Combine.WEIGHTED, sigma=4, fraction=0.3).image[0, 0])
    3.0
    """
    if not layers:
        msg = "no frame is left to be added; look at what was left out, and why"
        raise NoValidPixels(msg)
    keep_pages()
    result = Coadded(
        image=plane(shape, np.float32), weight=plane(shape, np.float32),
        variance=plane(shape, np.float32), coverage=plane(shape, np.int16), used=(), clipped=(),
    )  # fmt: skip
    used = np.zeros(len(layers), np.int64)
    clipped = np.zeros(len(layers), np.int64)
    # inverse variances as a part of that of all layers
    part = np.float32(1.0 / sum(layer.noise**-2 for layer in layers))
    for rows in _bands_of(layers, shape, memory):
        _band(layers, rows, result, (method, sigma, fraction), used, clipped)
        result.weight[rows] *= part
        if done is not None:
            done()
    return Coadded(
        image=result.image, weight=result.weight, variance=result.variance,
        coverage=result.coverage, used=tuple(map(int, used)), clipped=tuple(map(int, clipped)),
    )  # fmt: skip


def _bands_of(layers: Sequence[Layer], shape: tuple[int, int], memory: int) -> list[slice]:
    """Return bands of rows, in each of which the rows of all its layers fit into the memory."""
    edges = sorted({0, shape[0], *(
        row for one in layers for row in (one.row, one.row + one.shape[0]) if 0 < row < shape[0]
    )})  # fmt: skip
    found: list[slice] = []
    top = 0
    while top < shape[0]:
        # as high as the widest place within reach allows: layers end and begin on the way
        low = min(top + 1024, shape[0])
        places = [top, *(edge for edge in edges if top < edge < low)]
        widest = max(
            sum(one.shape[1] for one in layers if one.row <= y < one.row + one.shape[0])
            for y in places
        )
        height = max(_LOW, memory // (8 * max(widest, 1)))
        found.append(slice(top, min(top + height, low)))
        top = found[-1].stop
    return found


def _band(
    layers: Sequence[Layer], rows: slice, result: Coadded, how: tuple[Combine, float, float],
    used: NDArray[np.int64], clipped: NDArray[np.int64],
) -> None:  # fmt: skip
    """Combine the rows of one band, part by part of its width."""
    here: dict[int, tuple[int, Image, Image]] = {}
    for number, layer in enumerate(layers):
        first, last = (
            max(rows.start - layer.row, 0), min(rows.stop - layer.row, layer.shape[0])
        )  # fmt: skip
        if first < last:
            values, weights = layer.read(slice(first, last))
            here[number] = (layer.row + first - rows.start, values, weights)
            used[number] += int(np.count_nonzero(weights))
    for left in range(0, result.image.shape[1], _WIDE):
        part = slice(left, min(left + _WIDE, result.image.shape[1]))
        found = [
            number for number in here
            if layers[number].column < part.stop
            and layers[number].column + layers[number].shape[1] > part.start
        ]  # fmt: skip
        if found:
            left_out = _part(layers, found, here, rows, part, result, how)
            clipped[found] += left_out
        else:
            result.image[rows, part] = result.variance[rows, part] = np.nan
            result.weight[rows, part] = result.coverage[rows, part] = 0


def _part(
    layers: Sequence[Layer], found: list[int], here: dict[int, tuple[int, Image, Image]],
    rows: slice, part: slice, result: Coadded, how: tuple[Combine, float, float],
) -> NDArray[np.int64]:  # fmt: skip
    size = (len(found), rows.stop - rows.start, part.stop - part.start)
    stack, weights = np.empty(size, np.float32), np.zeros(size, np.float32)
    for k, number in enumerate(found):
        down, values, given = here[number]
        layer = layers[number]
        a, b = max(part.start, layer.column), min(part.stop, layer.column + layer.shape[1])
        to = np.s_[k, down : down + values.shape[0], a - part.start : b - part.start]
        of = np.s_[:, a - layer.column : b - layer.column]
        stack[to], weights[to] = values[of], given[of]
    noise = np.array([layers[number].noise ** 2 for number in found], np.float32)
    gain = np.array([layers[number].gain for number in found], np.float32)
    method, sigma, fraction = how
    number_of = [kernels.WEIGHTED, kernels.MEDIAN, kernels.CLIPPED][list(Combine).index(method)]
    planes = [
        plane[rows, part]
        for plane in (result.image, result.weight, result.variance, result.coverage)
    ]

    def work(some: slice) -> NDArray[np.int64]:
        left_out = np.zeros(len(found), np.int64)
        kernels.coadd_rows(
            stack, weights, noise, gain, number_of, np.float32(sigma), np.float32(fraction),
            some.start, some.stop, *planes, left_out,
        )  # fmt: skip
        return left_out

    total: NDArray[np.int64] = np.sum(
        bands(work, size[1], least=max(_LOW, size[1] // processors())), axis=0
    )
    return total
