"""Regridded frames laid out plainly in the scratch directory, so that any rows come at once.

Files of frames are packed and cannot be read by rows; each is read once, and what a sum needs of
it is kept in one scale: values, and weights of half the size.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from awe import fits
from awe.calib.coaddition import Coadded, Combine, Layer, coadd
from awe.calib.coaddition.stars import Agreement, odd_ones, places
from awe.calib.flags import FLAG_DTYPE, PixelFlag
from awe.calib.sky import seeing
from awe.tasks.mapped import LARGE, Planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Spool", "Summed", "outside", "summed", "width"]


@dataclass(frozen=True, kw_only=True)
class Spool:
    """One frame on disk.

    Attributes
    ----------
    layer : Layer
        The frame as a sum takes it.
    good : float
        Part of its pixels inside the frame that may be used.
    """

    layer: Layer
    good: float

    @classmethod
    def of(cls, frame: Any, path: Path, corner: tuple[int, int], scale: float) -> Spool:
        """Return a frame whose files are here, laid out in a path and one next to it.

        Parameters
        ----------
        frame : RegriddedFrame
            The frame.
        path : Path
            Where its values go.
        corner : (int, int)
            Row and column of the first pixel of the sum, from the tangent point on.
        scale : float
            Factor from its pixels to those of the sum.
        """
        image = np.asarray(fits.read_pixels(Path(frame.pathname), None), np.float32)
        weight = np.asarray(fits.read_pixels(Path(frame.weight.pathname), None), np.float32)
        outside = ~np.isfinite(image)
        inside = outside.size - int(np.count_nonzero(outside))
        # pixels of their own, read for this: changed in place
        if scale != 1:
            image *= np.float32(scale)
        weight[outside | ~(weight > 0)] = 0
        image[outside] = 0
        image.tofile(path)
        weight.astype(np.float16).tofile(path.with_suffix(".weight"))
        row, column = frame.astrom.corner
        return cls(
            layer=Layer(
                row=row - corner[0], column=column - corner[1],
                shape=(image.shape[0], image.shape[1]), noise=frame.background_noise * scale,
                # noise of neighbours on the grid is correlated: a pixel has less than its photons
                gain=(frame.gain or 1.0) * frame.correlation**2 / scale,
                read=_Rows(path, image.shape[1]),
            ),
            good=float(np.count_nonzero(weight)) / max(inside, 1),
        )  # fmt: skip


@dataclass(frozen=True)
class _Rows:
    """Rows of a frame on disk."""

    path: Path
    width: int

    def __call__(self, rows: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        count, skipped = (rows.stop - rows.start) * self.width, rows.start * self.width
        values = np.fromfile(self.path, np.float32, count, offset=4 * skipped)
        weights = np.fromfile(
            self.path.with_suffix(".weight"), np.float16, count, offset=2 * skipped
        )
        shape = (-1, self.width)
        return values.reshape(shape), weights.astype(np.float32).reshape(shape)


@dataclass(frozen=True, kw_only=True)
class Summed:
    """A sum, and what became of each frame.

    Attributes
    ----------
    coadded : Coadded
        The sum of those that are in.
    kept : list of int
        Numbers of the frames that are in.
    why : dict
        Number of a frame that is out -> why.
    agreements : list of Agreement
        How the stars of each compare with those of the others; empty without stars.
    """

    coadded: Coadded
    kept: list[int]
    why: dict[int, str]
    agreements: list[Agreement]


def summed(
    spools: Sequence[Spool], shape: tuple[int, int], parameters: Any, planes: Planes
) -> Summed:
    """Return the sum of frames without those that disagree with the others.

    Parameters
    ----------
    spools : sequence of Spool
        The frames.
    shape : (int, int)
        (ny, nx) of the sum.
    parameters : CoaddedRegriddedFrameParameters
        How they are added and compared.
    planes : Planes
        Where the sum is made.
    """
    layers = [one.layer for one in spools]
    why = {
        number: "no pixel of it may be used" for number, one in enumerate(spools)
        if one.good == 0 or not one.layer.noise > 0
    }  # fmt: skip
    kept = [number for number in range(len(spools)) if number not in why]
    found = _added([layers[number] for number in kept], shape, parameters, planes)
    odd, agreements = odd_ones(
        [layers[number] for number in kept], _stars(found, planes),
        flux=parameters.MAXIMUM_FLUX_DIFFERENCE, offset=parameters.MAXIMUM_OFFSET,
        least=parameters.COMPARED_STARS,
    )  # fmt: skip
    nothing = Agreement(stars=0, flux=np.nan, error=np.nan, offset=np.nan)
    told = dict(zip(kept, agreements, strict=True))
    if odd:
        why |= {kept[number]: text for number, text in odd.items()}
        kept = [number for number in kept if number not in why]
        del found
        planes.forget()
        found = _added([layers[number] for number in kept], shape, parameters, planes)
    every = [told.get(number, nothing) for number in range(len(spools))]
    return Summed(coadded=found, kept=kept, why=why, agreements=every)


def _added(
    layers: list[Layer], shape: tuple[int, int], parameters: Any, planes: Planes
) -> Coadded:
    return coadd(
        layers, shape, method=Combine(parameters.COMBINE_TYPE), sigma=parameters.CLIP_SIGMA,
        fraction=parameters.CLIP_AMPFRAC, plane=planes.new, done=planes.let_go,
    )  # fmt: skip


def _stars(found: Coadded, planes: Planes) -> NDArray[np.int64]:
    """Return row and column of bright stars of a sum; of a large one, of each of its parts."""
    spots = []
    for rows in _parts(found.image.shape):
        some = places(found.image[rows], found.weight[rows])
        spots.append(some + np.array([rows.start, 0]))
        planes.let_go()
    return np.concatenate(spots)


def _parts(shape: tuple[int, ...]) -> list[slice]:
    """Return bands of rows that are small enough to be looked at as a whole."""
    number = -(-shape[0] * shape[1] // LARGE)
    edges = [shape[0] * k // number for k in range(number + 1)]
    return [slice(*ends) for ends in pairwise(edges)]


def width(found: Coadded, gain: float) -> float | None:
    """Return the width of the stars of a sum [pixel], None where none can be told.

    Parameters
    ----------
    found : Coadded
        The sum.
    gain : float
        Photons per unit.

    Notes
    -----
    Of a large sum the middle part tells it.
    """
    parts = _parts(found.image.shape)
    rows = parts[len(parts) // 2]
    stars = seeing.measure(
        found.image[rows], threshold=12.0, saturation=float("inf"), narrowest=1.5, gain=gain,
        bad=found.weight[rows] <= 0,
    )  # fmt: skip
    return stars.fwhm if stars.known else None


def outside(coverage: NDArray[np.int16], planes: Planes) -> NDArray[np.uint16]:
    """Return the reason bits of a sum: OUTSIDE where it has no frame.

    Parameters
    ----------
    coverage : ndarray of int16, shape (ny, nx)
        Number of frames behind every pixel.
    planes : Planes
        Where the bits are kept.
    """
    flags = planes.new((coverage.shape[0], coverage.shape[1]), FLAG_DTYPE)
    for rows in _parts(coverage.shape):
        np.multiply(coverage[rows] <= 0, FLAG_DTYPE.type(PixelFlag.OUTSIDE), out=flags[rows])
    planes.let_go()
    return flags
