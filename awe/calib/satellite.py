"""Straight tracks of satellites and aircraft on one exposure, faint ones included.

The frame is binned, its sky and everything compact taken out, and the light along every straight
line summed. Candidates are measured at full resolution and must shine along most of their chord:
spikes, halos, galaxies and bleeding columns do not. Curved or interrupted tracks that fill less
than half of the chord, and tracks wider than 19 pixels, are not found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from awe.calib import _track_kernels as kernels
from awe.calib import _track_search as track_search
from awe.calib import background
from awe.calib._track_fit import SEGMENTS, Fit, Line, fit
from awe.calib.trim import require_shape
from awe.errors import NoValidPixels, ParameterError

__all__ = ["Track", "find"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grid = NDArray[np.float32]
    Map = NDArray[np.bool_]

#: boxes of the sky, in bins
_MESH = 16

#: bright tracks are searched with stars left in: they need a higher score
_BRIGHT = 10.0

#: at most so many tracks, and refused candidates of each search
_MOST_TRACKS = 6
_MOST_REFUSED = 4

#: a track is masked this many of its sigma to each side
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
    surface = background.estimate(image, box=_MESH * binning, bad=bad, step=min(4, binning))
    noise = max(float(np.median(surface.spread)), 1e-6)
    binned = _prepare(image, bad, saturated, surface, noise, binning)
    flat_sky = image - surface.rows()
    left_out = bad | _expanded(binned.full, binning, shape)
    found: list[Fit] = []
    refused: list[tuple[Fit, Line]] = []
    for level, ignore_stars in ((max(_BRIGHT, threshold), False), (threshold, True)):
        _search(
            binned, flat_sky, left_out, noise, minimum, level, ignore_stars, found, refused
        )
    for track in found:
        reach = max(_MASK_SIGMAS * track.sigma, 3.0)
        _cross(crossed, track.line, reach)
    return tuple(_track(track) for track in found), crossed


def _prepare(
    image: NDArray[np.float32], bad: Map, saturated: Map, surface: background.Surface,
    noise: float, size: int,
) -> _Binned:
    shape = (image.shape[0] // size, image.shape[1] // size)
    mean = np.zeros(shape, np.float32)
    number = np.zeros(shape, np.float32)
    full = np.zeros(shape, np.bool_)
    kernels.bin_frame(
        np.ascontiguousarray(image), bad, saturated, surface.mesh, surface.box,
        np.float32(2 * track_search.CAP * noise), size, mean, number, full,
    )
    full = _grown(full, 2)
    number[full] = 0
    possible = float(size * size)
    centre, spread, _ = background.medians(
        mean, box=_MESH, bad=number < 0.75 * possible, clip=0.0, step=1, least=0.125
    )
    try:
        centre = background.smoothed(background.filled(centre))
        spread = background.smoothed(background.filled(spread))
    except NoValidPixels:
        return _Binned(z=np.zeros(shape, np.float32), v=np.zeros(shape, np.float32), size=size,
                       stars=full, extended=full, full=full)
    spread = np.maximum(spread, np.float32(0.5 * noise / size))
    v = np.where(number >= 0.25 * possible, number / np.float32(possible), np.float32(0))
    z = (mean - _bilinear(centre, shape)) / _bilinear(spread, shape) * np.sqrt(v)
    z[v == 0] = 0
    _level_lines(z, v)
    z[v == 0] = 0
    extended = _extended(z)
    v[extended] = 0
    return _Binned(
        z=z, v=v, size=size, stars=_grown(z > 5, 1), extended=extended, full=full
    )


def _level_lines(z: Grid, v: Grid) -> None:
    """Take the median off every column and row of bins, in place.

    Noise of the overscan levels makes whole rows brighter: thousands of false lines. Lines that
    stand far out are left: narrow bright ones may be tracks along an axis, and are judged by
    their profile; all others lose their weight.
    """
    for axis in (0, 1):
        level = np.median(z, axis=axis)
        middle = np.median(level)
        limit = max(8 * 1.4826 * float(np.median(np.abs(level - middle))), 0.6)
        wild = np.abs(level - middle) > limit
        narrow = wild & (level > middle) & (_run_length(wild) <= 6)
        z -= np.expand_dims(np.where(narrow, middle, level), axis).astype(np.float32)
        if axis == 0:
            v[:, wild & ~narrow] = 0
        else:
            v[wild & ~narrow] = 0


def _run_length(marked: Map) -> NDArray[np.intp]:
    """Return for every True the length of its run of Trues."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    length = np.zeros(marked.size, np.intp)
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        length[begin:end] = end - begin
    return length


def _extended(z: Grid) -> Map:
    """Return galaxies, halos and reflections: groups of raised bins shorter than a track."""
    from scipy import ndimage

    level = ndimage.uniform_filter(np.clip(z, -track_search.CAP, track_search.CAP), 9)
    raised = level > 1.0
    # joined at a lower level, so that a bright track does not fall to pieces
    labels, number = ndimage.label(level > 0.6)
    compact = np.zeros(number + 1, np.bool_)
    longest = min(150.0, 0.6 * min(z.shape))
    for label, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        size = np.hypot(rows.stop - rows.start, columns.stop - columns.start)
        compact[label] = size < longest
    return _grown(compact[labels] & raised, 4) if number else raised


def _search(
    binned: _Binned,
    image: NDArray[np.float32],
    bad: Map,
    noise: float,
    minimum: float,
    threshold: float,
    ignore_stars: bool,
    found: list[Fit],
    refused: list[tuple[Fit, Line]],
) -> None:
    """Add tracks and refused candidates of one search to their lists."""
    keep = ~binned.extended
    if ignore_stars:
        keep = keep & ~binned.stars
    v = np.where(binned.stars, np.float32(0), binned.v) if ignore_stars else binned.v.copy()
    for track in found:
        _forget_track(v, track, binned.size)
    for candidate, where in refused:
        _forget_refused(v, candidate, where, binned.size)
    budget = _MOST_REFUSED
    least = min(100.0, 0.35 * min(v.shape))
    while budget and len(found) < _MOST_TRACKS:
        score, line = track_search.best(binned.z, v, least, binned.size)
        if score < threshold or line is None:
            return
        candidate = fit(image, bad, keep, binned.size, noise, line, minimum)
        if candidate.refused:
            refused.append((candidate, line))
            _forget_refused(v, candidate, line, binned.size)
            budget -= 1
        else:
            found.append(candidate)
            _forget_track(v, candidate, binned.size)


def _forget_track(v: Grid, track: Fit, size: int) -> None:
    across, _ = track_search.distance((v.shape[0], v.shape[1]), size, track.line)
    v[across < max(7.0 * track.sigma, 3.0 * size)] = 0


def _forget_refused(v: Grid, candidate: Fit, line: Line, size: int) -> None:
    """Take away the weight of what made a refused candidate: its line and its brightest pieces."""
    shape = (v.shape[0], v.shape[1])
    across, _ = track_search.distance(shape, size, line)
    v[across < 2.0 * size] = 0
    across, along = track_search.distance(shape, size, candidate.line)
    limit = max(3.0, 2.0 * float(np.median(candidate.segments)))
    bright = np.append(candidate.segments > limit, False)
    piece = np.floor(along * SEGMENTS).astype(np.intp)
    piece[(piece < 0) | (piece >= SEGMENTS)] = SEGMENTS
    v[(across < 12.0 * size) & bright[piece]] = 0


def _cross(crossed: Map, line: Line, reach: float) -> None:
    """Mark all pixels within reach of a line."""
    for start in range(0, crossed.shape[0], 256):
        block = crossed[start : start + 256]
        moved = (line[0], line[1] - start, line[2], line[3] - start)
        across, _ = track_search.distance((block.shape[0], block.shape[1]), 1, moved)
        block |= across <= reach


def _grown(marked: Map, reach: int) -> Map:
    from scipy import ndimage

    result: Map = ndimage.maximum_filter(marked.view(np.uint8), 2 * reach + 1).view(np.bool_)
    return result


def _expanded(bins: Map, size: int, shape: tuple[int, int]) -> Map:
    """Return a map of bins as a map of pixels; the rest at the far edges is False."""
    result = np.zeros(shape, np.bool_)
    pixels = np.repeat(np.repeat(bins, size, axis=0), size, axis=1)
    result[: pixels.shape[0], : pixels.shape[1]] = pixels
    return result


def _bilinear(mesh: Grid, shape: tuple[int, int]) -> Grid:
    """Return a mesh evaluated on all bins."""
    lines = [
        np.clip((np.arange(size) + 0.5) / _MESH - 0.5, 0, knots - 1)
        for size, knots in zip(shape, mesh.shape, strict=True)
    ]
    matrices = [
        np.maximum(0, 1 - np.abs(line[:, None] - np.arange(knots)[None, :])).astype(np.float32)
        for line, knots in zip(lines, mesh.shape, strict=True)
    ]
    result: Grid = matrices[0] @ mesh @ matrices[1].T
    return result


def _track(track: Fit) -> Track:
    x0, y0, x1, y1 = track.line
    return Track(
        x0=x0, y0=y0, x1=x1, y1=y1, width=2.3548 * track.sigma, brightness=track.peak,
        score=track.score,
    )
