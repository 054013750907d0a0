"""The frame in bins as the search for faint tracks sees it: without sky, rows, compact light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.detector.saturation import grown
from awe.calib.sky import background
from awe.calib.threads import bands
from awe.calib.tracks import bins
from awe.calib.tracks.search import CAP, turned
from awe.errors import NoValidPixels

__all__ = ["MESH", "Binned", "Blocks", "blocks", "halved", "prepare"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[np.float32]
    Map = NDArray[np.bool_]

#: boxes of the sky, in bins
# the median of 16**2 bins is known to 1.25 / 16 = 0.08 of the noise of one bin
MESH = 16

#: half the side of the squares whose mean shows extended light, in bins
# the mean of (2 x 4 + 1)**2 = 81 bins of unit noise scatters by 1/9
_SMOOTH = 4


@dataclass(kw_only=True)
class Binned:
    """What the search works on, in bins: significance `z` and its weight `v`."""

    z: Grid
    v: Grid
    size: int
    stars: Map
    extended: Map
    full: Map


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Means of the pixels of every bin.

    Attributes
    ----------
    mean, number : ndarray of float32, shape (by, bx)
        Mean and number of the good pixels, capped about the sky.
    whole, counted : ndarray of float32, shape (by, bx)
        The same without a cap, with pixels that are saturated or trusted.
    full : ndarray of bool, shape (by, bx)
        Bins with a saturated pixel.
    size : int, pixel
        Of a bin.
    """

    mean: Grid
    number: Grid
    whole: Grid
    counted: Grid
    full: Map
    size: int


@takes_frames()
def blocks(
    image: NDArray[np.float32], bad: Map, saturated: Map, trusted: Map,
    surface: background.Surface, noise: float, size: int,
) -> Blocks:
    """Return a frame in bins.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx), ADU
        Reduced image.
    bad, saturated, trusted : ndarray of bool, shape (ny, nx)
        Pixels to leave out, saturated ones, and those that are bad and may be a track.
    surface : Surface
        Sky of the pixels, in boxes of a multiple of the bins.
    noise : float, ADU
        Noise of a pixel.
    size : int, pixel
        Side of a bin.
    """
    shape = (image.shape[0] // size, image.shape[1] // size)
    mean, number, whole, counted = (np.empty(shape, np.float32) for _ in range(4))
    full = np.empty(shape, np.bool_)
    # +- 6 sigma of a pixel: one outlier moves the mean of size**2 pixels by 6 sigma / size**2,
    # 6 / size times the noise sigma / size of that mean
    reach = np.float32(2 * CAP * noise)
    bands(
        lambda rows: bins.bin_frame(
            image, bad, saturated, trusted, surface.mesh, surface.box, reach, size, rows.start,
            rows.stop, mean, number, whole, counted, full,
        ),
        shape[0],
    )
    return Blocks(mean=mean, number=number, whole=whole, counted=counted, full=full, size=size)


def prepare(frame: Blocks, noise: float) -> Binned:
    """Return significance and weight of the bins of a frame.

    Parameters
    ----------
    frame : Blocks
        Its bins.
    noise : float, ADU
        Noise of a pixel.
    """
    mean, number, size, shape = frame.mean, frame.number.copy(), frame.size, frame.mean.shape
    full = grown(frame.full, 2, 2)
    # n = 0 gives weight 0: bins within 2 of a saturated one are in no sum
    number[full] = 0
    possible = float(size * size)
    # sky of the bins and its scatter: median and 1.4826 MAD of 16 x 16 bins that have 3/4 of their
    # pixels or more, whose noise is at most (3/4)**-1/2 = 1.15 times that of a full bin
    centre, spread, _ = background.medians(
        mean, box=MESH, bad=number < 0.75 * possible, clip=0.0, step=1, least=0.125
    )
    try:
        centre = background.smoothed(background.filled(centre))
        spread = background.smoothed(background.filled(spread))
    except NoValidPixels:
        return Binned(z=np.zeros(shape, np.float32), v=np.zeros(shape, np.float32), size=size,
                       stars=full, extended=full, full=full)
    # white noise of sigma per pixel gives sigma / size per bin: half of that is the least
    spread = np.maximum(spread, np.float32(0.5 * noise / size))
    z, v = np.empty(shape, np.float32), np.empty(shape, np.float32)
    # z = (m - sky) / s sqrt(v) with v = n / size**2: unit noise in every bin
    bins.significance(mean, number, np.float32(possible), centre, spread, MESH, z, v)
    _level_lines(z, v)
    z[v == 0] = 0
    extended = _extended(z)
    v[extended] = 0
    return Binned(
        z=z, v=v, size=size, stars=grown(z > 5, 1, 1), extended=extended, full=full
    )


def _level_lines(z: Grid, v: Grid) -> None:
    """Take the median off every column and row of bins, in place.

    Noise of the overscan levels makes whole rows brighter: thousands of false lines. Lines that
    stand far out are left: narrow bright ones may be tracks along an axis, and are judged by
    their profile; all others lose their weight.
    """
    # axis 0 takes the median off every column of bins, axis 1 then off every row
    for axis in (0, 1):
        lines = turned(z) if axis == 0 else z
        level = np.empty(lines.shape[0], np.float32)
        bins.medians(lines, level)
        middle = np.median(level)
        # 8 robust sigma of the levels of all lines; a level of n bins of unit noise scatters by
        # 1.25 / sqrt(n), 0.06 for 512, so the least limit of 0.6 is some 10 of those
        limit = max(8 * 1.4826 * float(np.median(np.abs(level - middle))), 0.6)
        wild = np.abs(level - middle) > limit
        # up to 6 adjacent bright lines may be a track: they lose only the median level of all
        narrow = wild & (level > middle) & (_run_length(wild) <= 6)
        z -= np.expand_dims(np.where(narrow, middle, level), axis).astype(np.float32)
        if axis == 0:
            v[:, wild & ~narrow] = 0
        else:
            v[wild & ~narrow] = 0


def _run_length(marked: Map) -> NDArray[np.intp]:
    """Return for every True the length of its run of Trues."""
    length = np.zeros(marked.size, np.intp)
    for begin, end in zip(*bins.runs(marked), strict=True):
        length[begin:end] = end - begin
    return length


def _extended(z: Grid) -> Map:
    """Return galaxies, halos and reflections: groups of raised bins shorter than a track."""
    level = np.empty_like(z)
    # mean of 9 x 9 bins, each capped at +- 3: white noise stays below 1.0 = 9 sigma, and a track
    # along an axis reaches at most 3 x 9 w / 81 = w / 3 when it is w bins wide
    bins.smooth(z, np.float32(CAP), _SMOOTH, level)
    # joined at a lower level, so that a bright track does not fall to pieces
    compact = np.zeros(z.shape, np.bool_)
    # a group whose bounding box has a longer diagonal may be a track and stays
    longest = min(150.0, 0.6 * min(z.shape))
    bins.compact(level, np.float32(0.6), np.float32(1), longest, compact)
    # the mean of 9 x 9 reaches 4 bins: as far may light of the object be around the raised bins
    return grown(compact, 4, 4)


def halved(z: Grid, v: Grid) -> tuple[Grid, Grid]:
    """Return significance and weight in bins twice as large; an odd last bin is dropped.

    Parameters
    ----------
    z, v : ndarray of float32, shape (by, bx)
        Significance and weight of the bins; not modified.
    """
    shape = (v.shape[0] // 2, v.shape[1] // 2)
    light, weight = np.empty(shape, np.float32), np.empty(shape, np.float32)
    bins.halve(z, v, np.float32(CAP), light, weight)
    return light, weight
