"""Tracks of satellites and aircraft on one exposure, from a fifth of the noise to saturation.

Bright ones are searched first (`lit`): whole, flashing, short, wide, saturating or gently bent.
Then the frame is binned, its sky and everything compact taken out, and the light along every
straight line summed. Those candidates are measured at full resolution and must shine along most of
their chord: spikes, halos, galaxies and bleeding columns do not. Faint tracks that fill less than
half of a chord are not found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.detector.trim import require_shape
from awe.calib.sky import background
from awe.calib.tracks import binned, kernels, lit, lit_kernels
from awe.calib.tracks.arc import Arc
from awe.calib.tracks.fit import Fit, Frame, Line
from awe.calib.tracks.fit import fit as fit_line
from awe.calib.tracks.search import Lines
from awe.errors import ParameterError

__all__ = ["Track", "find"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.tracks.binned import Binned
    from awe.calib.tracks.lit import LitTrack

#: tracks as bright as stars are searched with stars left in: they need a higher score
_BRIGHT = 10.0

#: maximum number of tracks, and of refused candidates, of each search for faint tracks
_MOST_TRACKS = 6
_MOST_REFUSED = 8

#: a track is masked this many of its sigma to each side
# +- 3 sigma of a Gaussian profile hold 99.7 per cent of its light
_MASK_SIGMAS = 3.0

#: number of straight pieces a bright track is cut into to hide it from the other searches
_STRAIGHT = 8

#: share of pixels that are cosmic rays from which the search for bright tracks leaves them out
_MANY_HITS = 0.03

#: two runs of lit bins whose ends lie within this of one line are one track [pixel]
_ALIGNED = 12.0


@dataclass(frozen=True, kw_only=True)
class Track:
    """One track.

    Attributes
    ----------
    x0, y0, x1, y1 : float, pixel
        Where it enters and leaves the frame, or where its light begins and ends; zero-based.
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


@takes_frames()
def find(
    image: NDArray[np.float32],
    *,
    bad: NDArray[np.bool_],
    saturated: NDArray[np.bool_],
    threshold: float,
    binning: int,
    minimum_length: float,
    hits: NDArray[np.bool_] | None = None,
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
    hits : ndarray of bool, shape (ny, nx), optional
        Those of `bad` that are cosmic rays: a narrow bright track looks like many, so the search
        for bright tracks does not leave them out, but where 3 % of the pixels are.

    Returns
    -------
    tracks : tuple of Track
        In the order they were found, brightest first as a rule.
    crossed : ndarray of bool, shape (ny, nx)
        True within 3 sigma of a track, and as far as the light of a bright one reaches; between
        the flashes of a bright one False.

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
    box = binned.MESH * binning
    surface = background.estimate(image, box=box, bad=bad, step=min(6, box))
    noise = max(float(np.median(surface.spread)), 1e-6)
    pixels, left_out = np.ascontiguousarray(image), np.ascontiguousarray(bad)
    trusted = saturated if hits is None else hits
    blocks = binned.blocks(pixels, left_out, saturated, trusted, surface, noise, binning)
    grid = binned.prepare(blocks, noise)
    # extended: galaxies and halos; full: near saturation; neither may decide about a track
    frame = Frame(
        image=pixels, bad=left_out, sky=surface.mesh, box=surface.box,
        keep=~(grid.extended | grid.full), binning=binning, noise=noise, minimum_length=minimum,
    )
    small = blocks if binning == lit.SIZE else binned.blocks(
        pixels, left_out, saturated, trusted, surface, noise, lit.SIZE
    )
    if hits is not None and hits.mean() > _MANY_HITS:
        # hits in a row would be a track, and those next to a track would be its light
        small = binned.blocks(pixels, left_out, saturated, saturated, surface, noise, lit.SIZE)
    bright = lit.find(small, sky=surface, noise=noise, minimum_length=minimum)
    judged = [(_whole(frame, one), one) for one in bright]
    flashing = [one for fitted, one in judged if fitted is None]
    for one in flashing:
        _hide(grid, frame.keep, one)
    whole = [(fitted, one.half) for fitted, one in judged if fitted is not None]
    found = _faint(grid, frame, threshold, minimum, [fitted for fitted, _ in whole])
    halves = [half for _, half in whole] + [0.0] * len(found)
    for track, half in zip(found, halves, strict=False):
        kernels.cross(crossed, *track.line, max(_MASK_SIGMAS * track.sigma, 3.0, half))
    for one in flashing:
        arc = one.arc
        lit_kernels.paint(crossed, arc.x0, arc.y0, arc.ux, arc.uy, arc.bend, arc.length, one.half,
                          one.flags, float(one.step))
    tracks = tuple(_track(track) for track in found)
    return tracks + _listed(flashing, tracks), crossed


def _whole(frame: Frame, one: LitTrack) -> Fit | None:
    """Return the fit of a bright track that shines along all of its chord."""
    if not one.whole:
        return None
    fitted = fit_line(frame, _ends(one.arc))
    return None if fitted.refused else fitted


def _ends(arc: Arc) -> Line:
    """Return both ends of an arc."""
    xs, ys = arc.at(np.array((0.0, arc.length)))
    return float(xs[0]), float(ys[0]), float(xs[1]), float(ys[1])


def _hide(grid: Binned, keep: NDArray[np.bool_], one: LitTrack) -> None:
    """Take the run of a bright track out of the bins of the other searches, in place."""
    ends = np.linspace(0.0, one.arc.length, _STRAIGHT + 1)
    xs, ys = one.arc.at(ends)
    hidden = grid.v.copy()
    every = np.ones(1, np.bool_)
    for k in range(_STRAIGHT):
        kernels.erase(grid.z, grid.v, grid.size, xs[k], ys[k], xs[k + 1], ys[k + 1],
                      one.half + 2.0 * grid.size, every)
    keep[(hidden > 0) & (grid.v == 0)] = False


def _faint(
    grid: Binned, frame: Frame, threshold: float, minimum: float, known: list[Fit]
) -> list[Fit]:
    """Return the tracks that are known, and those both searches along all lines find."""
    judged = [(fitted, fitted.line) for fitted in known]
    # tracks as bright as stars would be taken for rows of stars: they come first, in larger bins
    bright = Lines(*binned.halved(grid.z, grid.v), 2 * grid.size, minimum)
    _search(bright, frame, max(_BRIGHT, threshold), judged)
    # weight 0 at stars, z > 5 in a bin: a track brighter than that is left to the search before
    faint = np.where(grid.stars, np.float32(0), grid.v)
    frame = replace(frame, keep=frame.keep & ~grid.stars)
    _search(Lines(grid.z, faint, grid.size, minimum), frame, threshold, judged)
    return [track for track, _ in judged if not track.refused]


def _listed(flashing: list[LitTrack], tracks: tuple[Track, ...]) -> tuple[Track, ...]:
    """Return bright tracks as such: pieces of one line once, what is on another track not."""
    listed: list[Track] = []
    for one in flashing:
        x0, y0, x1, y1 = _ends(one.arc)
        new = Track(x0=x0, y0=y0, x1=x1, y1=y1, width=one.width, brightness=one.brightness,
                    score=one.score)
        if any(_aligned(new, other) for other in tracks):
            continue
        same = [number for number, other in enumerate(listed) if _aligned(new, other)]
        if same:
            listed[same[0]] = _united(listed[same[0]], new)
        else:
            listed.append(new)
    return tuple(listed)


def _aligned(one: Track, other: Track) -> bool:
    """Return True if both ends of each track lie on the line of the other."""
    for first, second in ((one, other), (other, one)):
        arc = Arc.between(first.x0, first.y0, first.x1, first.y1)
        for x, y in ((second.x0, second.y0), (second.x1, second.y1)):
            if abs((y - arc.y0) * arc.ux - (x - arc.x0) * arc.uy) > _ALIGNED:
                return False
    return True


def _united(one: Track, other: Track) -> Track:
    """Return two pieces of a track as one, from the first light to the last."""
    arc = Arc.between(one.x0, one.y0, one.x1, one.y1)
    ends = [(one.x0, one.y0), (one.x1, one.y1), (other.x0, other.y0), (other.x1, other.y1)]
    ends.sort(key=lambda end: (end[0] - arc.x0) * arc.ux + (end[1] - arc.y0) * arc.uy)
    (x0, y0), (x1, y1) = ends[0], ends[-1]
    brighter = max(one, other, key=lambda track: track.score)
    return replace(brighter, x0=x0, y0=y0, x1=x1, y1=y1)


def _search(
    lines: Lines, frame: Frame, threshold: float, judged: list[tuple[Fit, Line]]
) -> None:
    """Add the tracks and refused candidates of one search to `judged`."""
    # tracks and refused lines of the search before do not come back in this one
    for earlier, where in judged:
        _forget(lines, earlier, where)
    candidates = lines.candidates(threshold)
    # each search has refusals of its own: those of the bright one leave the faint one its chance
    budget, found = _MOST_REFUSED, 0
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
