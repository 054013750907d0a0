"""Straight tracks of satellites and aircraft on one exposure, faint ones included.

The frame is binned, its sky and everything compact taken out, and the light along every straight
line summed. Candidates are measured at full resolution and must shine along most of their chord:
spikes, halos, galaxies and bleeding columns do not. Curved or interrupted tracks that fill less
than half of the chord, and tracks wider than 19 pixels, are not found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.detector.saturation import grown
from awe.calib.detector.trim import require_shape
from awe.calib.sky import background
from awe.calib.threads import bands
from awe.calib.tracks import bins, kernels
from awe.calib.tracks import search as track_search
from awe.calib.tracks.fit import Fit, Frame, Line
from awe.calib.tracks.fit import fit as fit_line
from awe.calib.tracks.search import Lines
from awe.errors import NoValidPixels, ParameterError

__all__ = ["Track", "find"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[np.float32]
    Map = NDArray[np.bool_]

#: boxes of the sky, in bins
# the median of 16**2 bins is known to 1.25 / 16 = 0.08 of the noise of one bin
_MESH = 16

#: half the side of the squares whose mean shows extended light, in bins
# the mean of (2 x 4 + 1)**2 = 81 bins of unit noise scatters by 1/9
_SMOOTH = 4

#: bright tracks are searched with stars left in: they need a higher score
_BRIGHT = 10.0

#: maximum number of tracks, and of refused candidates of each search
_MOST_TRACKS = 6
_MOST_REFUSED = 8

#: a track is masked this many of its sigma to each side
# +- 3 sigma of a Gaussian profile hold 99.7 per cent of its light
_MASK_SIGMAS = 3.0


@dataclass(frozen=True, kw_only=True)
class Track:
    """One straight track.

    Attributes
    ----------
    x0, y0, x1, y1 : float, pixel
        Where it enters and leaves the frame, zero-based.
    width : float, pixel
        Full width at half maximum.
    brightness : float, ADU
        Median brightness along the middle.
    score : float
        Significance.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    width: float
    brightness: float
    score: float


@dataclass(kw_only=True)
class _Binned:
    """What the search works on, in bins: significance `z` and its weight `v`."""

    z: Grid
    v: Grid
    size: int
    stars: Map
    extended: Map
    full: Map


@takes_frames()
def find(
    image: NDArray[np.float32],
    *,
    bad: NDArray[np.bool_],
    saturated: NDArray[np.bool_],
    threshold: float,
    binning: int,
    minimum_length: float,
) -> tuple[tuple[Track, ...], NDArray[np.bool_]]:
    """Return the tracks of one exposure and the pixels they cross.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx), ADU
        Reduced image with or without its sky; not modified.
    bad : ndarray of bool, shape (ny, nx)
        Pixels to leave out: flagged ones, cosmic rays among them.
    saturated : ndarray of bool, shape (ny, nx)
        Saturated pixels and their bleeding: nothing near them is believed.
    threshold : float
        Least significance of a line in the search; 6.5 gives few false candidates.
    binning : int, pixel
        Size of the bins; 4 suits a seeing of 3 to 6 pixels.
    minimum_length : float, pixel
        Shorter chords are not looked for; small frames look for half their shorter side.

    Returns
    -------
    tracks : tuple of Track
        In the order they were found, brightest first as a rule.
    crossed : ndarray of bool, shape (ny, nx)
        True within 3 sigma of a track.

    Raises
    ------
    ParameterError
        The binning is not from 1 to 16.
    NoValidPixels
        No region of the frame has enough good pixels.

    References
    ----------
    Nir, G., Zackay, B. & Ofek, E. O. 2018, AJ 156, 229 (streaks by fast Radon transform). Here
    weighted, judged against side bands, and fitted at full resolution.
    """
    shape = (image.shape[0], image.shape[1])
    require_shape(bad, shape, "the map of bad pixels")
    require_shape(saturated, shape, "the map of saturated pixels")
    if not 1 <= binning <= 16:
        msg = f"BINNING {binning} must lie between 1 and 16 pixels"
        raise ParameterError(msg)
    crossed = np.zeros(shape, np.bool_)
    if min(shape) < 24 * binning:
        return (), crossed
    minimum = min(minimum_length, 0.5 * min(shape))
    # sky [ADU]: medians of boxes of 16 bins; the noise of a pixel is the median over the boxes of
    # 1.4826 MAD in each
    box = _MESH * binning
    surface = background.estimate(image, box=box, bad=bad, step=min(6, box))
    noise = max(float(np.median(surface.spread)), 1e-6)
    binned = _prepare(image, bad, saturated, surface, noise, binning)
    # extended: galaxies and halos; full: near saturation; neither may decide about a track
    frame = Frame(
        image=np.ascontiguousarray(image), bad=np.ascontiguousarray(bad), sky=surface.mesh,
        box=surface.box, keep=~(binned.extended | binned.full), binning=binning, noise=noise,
        minimum_length=minimum,
    )
    judged: list[tuple[Fit, Line]] = []
    # bright tracks would be taken for rows of stars: they are searched first, in larger bins
    bright = Lines(*_halved(binned.z, binned.v), 2 * binning, minimum)
    _search(bright, frame, max(_BRIGHT, threshold), judged)
    # weight 0 at stars, z > 5 in a bin: a track brighter than that is left to the search before
    faint = np.where(binned.stars, np.float32(0), binned.v)
    frame = replace(frame, keep=frame.keep & ~binned.stars)
    _search(Lines(binned.z, faint, binning, minimum), frame, threshold, judged)
    found = [track for track, _ in judged if not track.refused]
    for track in found:
        kernels.cross(crossed, *track.line, max(_MASK_SIGMAS * track.sigma, 3.0))
    return tuple(_track(track) for track in found), crossed


def _prepare(
    image: NDArray[np.float32], bad: Map, saturated: Map, surface: background.Surface,
    noise: float, size: int,
) -> _Binned:
    shape = (image.shape[0] // size, image.shape[1] // size)
    mean = np.zeros(shape, np.float32)
    number = np.zeros(shape, np.float32)
    full = np.zeros(shape, np.bool_)
    pixels = np.ascontiguousarray(image)
    # +- 6 sigma of a pixel: one outlier moves the mean of size**2 pixels by 6 sigma / size**2,
    # 6 / size times the noise sigma / size of that mean
    reach = np.float32(2 * track_search.CAP * noise)
    bands(
        lambda rows: bins.bin_frame(
            pixels, bad, saturated, surface.mesh, surface.box, reach, size, rows.start, rows.stop,
            mean, number, full,
        ),
        shape[0],
    )
    full = grown(full, 2, 2)
    # n = 0 gives weight 0: bins within 2 of a saturated one are in no sum
    number[full] = 0
    possible = float(size * size)
    # sky of the bins and its scatter: median and 1.4826 MAD of 16 x 16 bins that have 3/4 of their
    # pixels or more, whose noise is at most (3/4)**-1/2 = 1.15 times that of a full bin
    centre, spread, _ = background.medians(
        mean, box=_MESH, bad=number < 0.75 * possible, clip=0.0, step=1, least=0.125
    )
    try:
        centre = background.smoothed(background.filled(centre))
        spread = background.smoothed(background.filled(spread))
    except NoValidPixels:
        return _Binned(z=np.zeros(shape, np.float32), v=np.zeros(shape, np.float32), size=size,
                       stars=full, extended=full, full=full)
    # white noise of sigma per pixel gives sigma / size per bin: half of that is the least
    spread = np.maximum(spread, np.float32(0.5 * noise / size))
    z, v = np.empty(shape, np.float32), np.empty(shape, np.float32)
    # z = (m - sky) / s sqrt(v) with v = n / size**2: unit noise in every bin
    bins.significance(mean, number, np.float32(possible), centre, spread, _MESH, z, v)
    _level_lines(z, v)
    z[v == 0] = 0
    extended = _extended(z)
    v[extended] = 0
    return _Binned(
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
        lines = np.ascontiguousarray(z.T if axis == 0 else z)
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
    # differences are +1 where a run begins and -1 behind its end: begin, end, begin, end ...
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    length = np.zeros(marked.size, np.intp)
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        length[begin:end] = end - begin
    return length


def _extended(z: Grid) -> Map:
    """Return galaxies, halos and reflections: groups of raised bins shorter than a track."""
    from scipy import ndimage

    level = np.empty_like(z)
    # mean of 9 x 9 bins, each capped at +- 3: white noise stays below 1.0 = 9 sigma, and a track
    # along an axis reaches at most 3 x 9 w / 81 = w / 3 when it is w bins wide
    bins.smooth(z, np.float32(track_search.CAP), _SMOOTH, level)
    raised = level > 1.0
    # joined at a lower level, so that a bright track does not fall to pieces
    labels, number = ndimage.label(level > 0.6)
    compact = np.zeros(number + 1, np.bool_)
    # a group whose bounding box has a longer diagonal may be a track and stays
    longest = min(150.0, 0.6 * min(z.shape))
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        size = np.hypot(rows.stop - rows.start, columns.stop - columns.start)
        compact[label] = size < longest
    # the mean of 9 x 9 reaches 4 bins: as far may light of the object be around the raised bins
    return grown(compact[labels] & raised, 4, 4) if number else raised


def _halved(z: Grid, v: Grid) -> tuple[Grid, Grid]:
    """Return significance and weight in bins twice as large; an odd last bin is dropped."""
    shape = (v.shape[0] // 2, v.shape[1] // 2)
    light, weight = np.empty(shape, np.float32), np.empty(shape, np.float32)
    bins.halve(z, v, np.float32(track_search.CAP), light, weight)
    return light, weight


def _search(
    lines: Lines, frame: Frame, threshold: float, judged: list[tuple[Fit, Line]]
) -> None:
    """Add the tracks and refused candidates of one search to `judged`."""
    # tracks and refused lines of the search before do not come back in this one
    for earlier, where in judged:
        _forget(lines, earlier, where)
    candidates = lines.candidates(threshold)
    # each search has refusals of its own: those of the bright one leave the faint one its chance
    budget = _MOST_REFUSED
    found = sum(not fitted.refused for fitted, _ in judged)
    while budget and found < _MOST_TRACKS:
        score, candidate = lines.best(candidates)
        if score < threshold or candidate is None:
            return
        candidates.remove(candidate)
        fitted = fit_line(frame, candidate.line)
        judged.append((fitted, candidate.line))
        _forget(lines, fitted, candidate.line)
        if fitted.refused:
            budget -= 1
        else:
            found += 1


def _forget(lines: Lines, fitted: Fit, where: Line) -> None:
    """Take away what made a candidate: a track whole, of others the line and bright pieces."""
    size = lines.size
    if not fitted.refused:
        lines.erase(fitted.line, max(7.0 * fitted.sigma, 3.0 * size))
        return
    # the searched line itself goes, or the same candidate would come back
    lines.erase(where, 2.0 * size)
    # of the fitted one only what made it bright: pieces above 3 sigma and twice their median
    limit = max(3.0, 2.0 * float(np.median(fitted.segments)))
    lines.erase(fitted.line, 12.0 * size, fitted.segments > limit)


def _track(track: Fit) -> Track:
    x0, y0, x1, y1 = track.line
    # FWHM = 2 sqrt(2 ln 2) sigma = 2.3548 sigma
    return Track(
        x0=x0, y0=y0, x1=x1, y1=y1, width=2.3548 * track.sigma, brightness=track.peak,
        score=track.score,
    )
