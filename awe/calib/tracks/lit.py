"""Bright tracks: whole, flashing, short, wide, saturating or gently bent.

Bins are lit, dark or unknown; how bright a lit one is has no say in the search, so no brightness
hides a track. Lit bins vote for lines; along a line the best run of lit bins is traced and judged.
The search is repeated at higher levels, where the wings of very bright tracks are dark and what is
left is narrow, and in larger bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib.tracks import bins, lit_kernels
from awe.calib.tracks.arc import Arc, Sight, Trace, chord_of, traced
from awe.calib.tracks.lit_verdict import TRAILED, Shape, bleeds, profile, refusal, trailed

__all__ = ["SIZE", "LitTrack", "find"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.sky import background
    from awe.calib.tracks.binned import Blocks

    Grid = NDArray[np.float32]
    Map = NDArray[np.bool_]

#: side of a bin [pixel], and how many make a large one
SIZE = 4
_LARGER = 4

#: levels of lit bins: (large bins?, light in the noise of a small bin)
# 5 is exceeded by none of 525,000 bins of white noise; 20 is 5 sigma of a pixel
_LEVELS = ((False, 5.0), (False, 20.0), (False, 80.0), (False, 320.0), (True, 20.0))

#: least side of squares of lit bins that are stars or galaxies: 28 pixels, in large bins 144
_BLOB = 7
_LARGE_BLOB = 9

#: more lit bins than this are a field too crowded for lines
_CROWDED = 0.25

#: least number of votes, and share of the shortest track that must vote
_VOTES = 16.0
_SHARE = 0.35

#: number of turns in which bins vote
_TURNS = 61

#: candidates looked at, and tracks, of one level
_REFUSED = 10
_MOST = 8

#: least lit share of a chord that shines as a whole
_WHOLE = 0.95

#: least light of a step that shines, in sigma of a bin and as a part of the median light:
# the best of 5 bins of noise exceeds 2.5 in 3 per cent of cases
_LEAST = 2.5
_PART = 0.4

#: angles per bin of the diagonal: neighbours are pi / 3 = 1 bin apart at its ends
_ANGLES = 1.5


@dataclass(frozen=True, kw_only=True)
class LitTrack:
    """A bright track.

    Attributes
    ----------
    arc : Arc
        From its first light to its last [pixel].
    flags : ndarray of bool
        Steps of `step` pixels along the arc that are lit or unknown.
    step : int, pixel
        Length of a step.
    half : float, pixel
        From the middle to where the light ends.
    width : float, pixel
        Full width at half maximum, good to a pixel or two.
    brightness : float
        Along the middle of what is lit, in the unit of the image.
    score : float
        Significance.
    whole : bool
        Lit on nearly all of a straight chord.
    """

    arc: Arc
    flags: NDArray[np.bool_]
    step: int
    half: float
    width: float
    brightness: float
    score: float
    whole: bool


@dataclass(kw_only=True)
class _Bins:
    """Bins of one size: local and common significance, which have light, which are saturated."""

    z: Grid
    light: Grid
    known: Map
    full: Map
    size: int


def find(
    frame: Blocks, *, sky: background.Surface, noise: float, minimum_length: float
) -> list[LitTrack]:
    """Return the bright tracks of one exposure.

    Parameters
    ----------
    frame : Blocks
        The exposure in bins of 4 pixels. Saturated pixels and cosmic rays count: a track may be
        either.
    sky : Surface
        Sky and noise of a pixel, in boxes of a multiple of 4 pixels.
    noise : float, ADU
        Noise of a pixel of the whole frame.
    minimum_length : float, pixel
        Shorter tracks are not looked for.

    References
    ----------
    Hough, P. V. C. & Duda, R. O., Hart, P. E. 1972, Comm. ACM 15, 11 (votes for lines). Here lit
    bins vote, those next to a line are taken off, and each line is traced for its best run.
    """
    if min(frame.whole.shape) < 32:
        return []
    small = _gathered(frame, sky, noise)
    large: _Bins | None = None
    found: list[LitTrack] = []
    for is_large, limit in _LEVELS:
        if is_large and large is None:
            large = _enlarged(small)
        chosen = large if is_large and large is not None else small
        if min(chosen.z.shape) < 24:
            continue
        minimum = minimum_length * (2 if is_large else 1)
        found += _search(chosen, small, limit, is_large, minimum, noise)
    return found


def _gathered(frame: Blocks, sky: background.Surface, noise: float) -> _Bins:
    """Return the frame in small bins."""
    # nothing is capped: the light itself is judged
    mean, number, shape = frame.whole, frame.counted, frame.whole.shape
    # a bin of 16 pixels has 1/4 of the noise of one
    common = np.float32(noise / SIZE)
    spread = np.maximum(sky.spread / np.float32(SIZE), np.float32(0.5) * common)
    box = sky.box // SIZE
    z, light, weight = (np.empty(shape, np.float32) for _ in range(3))
    possible = np.float32(SIZE**2)
    bins.significance(
        mean, number, possible, sky.mesh, np.full_like(spread, common), box, light, weight
    )
    bins.significance(mean, number, possible, sky.mesh, spread, box, z, weight)
    return _Bins(z=z, light=light, known=weight >= 0.5, full=frame.full, size=SIZE)


def _enlarged(small: _Bins) -> _Bins:
    """Return bins four times as large; light stays in units of the noise of a small bin."""
    shape = (small.z.shape[0] // _LARGER, small.z.shape[1] // _LARGER)
    light, number = np.empty(shape, np.float32), np.empty(shape, np.int64)
    full = np.empty(shape, np.bool_)
    bins.enlarge(small.light, small.known, small.full, _LARGER, light, number, full)
    return _Bins(
        z=light, light=light, known=number > _LARGER**2 // 2, full=full,
        size=_LARGER * SIZE,
    )


def _search(
    grid: _Bins, small: _Bins, limit: float, large: bool, minimum: float, noise: float
) -> list[LitTrack]:
    """Return the tracks of one level; their bins become unknown for the next ones."""
    state = np.empty(grid.z.shape, np.uint8)
    lit_kernels.states(
        grid.z, grid.known, np.float32(limit), _LARGE_BLOB if large else _BLOB, state
    )
    sight = Sight(z=grid.z, light=grid.light, state=state, full=grid.full, size=grid.size,
                  minimum=minimum)
    fine = _sight(small, np.where(small.known, lit_kernels.DARK, lit_kernels.UNKNOWN)) if (
        large) else None
    votes = _Votes(state, minimum / grid.size)
    found: list[LitTrack] = []
    waiting: list[tuple[LitTrack, Trace, Shape, Map]] = []
    refused = 0
    while refused < _REFUSED and len(found) < _MOST:
        line = votes.best()
        if line is None:
            break
        trace = traced(sight, line)
        if trace is None:
            refused += 1
            continue
        shape = profile(sight, trace)
        reason = refusal(sight, trace, shape, fine)
        refused += bool(reason)
        # a bleeding column would come again and again
        if reason and reason != TRAILED and not bleeds(sight, trace):
            continue
        track = None
        if reason in ("", TRAILED):
            track = _track(sight, small, trace, shape, noise)
        gone = _hidden(grid.known, trace, shape)
        state[gone] = lit_kernels.UNKNOWN
        votes.forget(state)
        if track and reason:
            waiting.append((track, trace, shape, gone))
        elif track:
            found.append(track)
    # other tracks in the same direction look like trailed stars: now they are hidden
    for track, trace, shape, gone in waiting:
        if trailed(sight, trace, shape.half) is False:
            found.append(track)
        else:
            grid.known |= gone
    return found


def _hidden(known: Map, trace: Trace, shape: Shape) -> Map:
    """Make the bins of a run unknown, in place, and return which of them were known."""
    run = trace.arc.part(trace.first, trace.last)
    before = known.copy()
    lit_kernels.erase(known, run.x0, run.y0, run.ux, run.uy, run.bend, run.length,
                      shape.half + 1.0)
    result: Map = before & ~known
    return result


class _Votes:
    """Votes of lit bins, of twice the size, for lines of all angles and distances."""

    def __init__(self, state: NDArray[np.uint8], shortest: float) -> None:
        self.lit = _halved(state)
        self.shape = self.lit.shape
        self.least = max(_VOTES, _SHARE * shortest / 2)
        # votes are whole
        self.limit = int(np.ceil(self.least))
        number = int(self.lit.sum())
        self.empty = number < self.least or number > _CROWDED * self.lit.size
        if self.empty:
            return
        diagonal = float(np.hypot(*self.shape))
        angles = 4 * int(_ANGLES * diagonal / 4 + 1)
        turn = np.arange(angles) * np.pi / angles
        self.cosines = np.cos(turn).astype(np.float32)
        self.sines = np.sin(turn).astype(np.float32)
        self.reach = int(diagonal) + 12
        self.votes = np.zeros((angles, 2 * self.reach + 1), np.int16)
        self.used = np.zeros((angles // 4 + 1, self.votes.shape[1] // 4 + 1), np.bool_)
        self.top, self.place = np.empty(angles), np.zeros(angles, np.int64)
        self.stale = (0, angles)
        self._vote(self.lit, 1)

    def _vote(self, lit: Map, sign: int) -> None:
        # neighbours vote for one place, and a sum waits for the one before it: far ones take turns
        ys, xs = (np.concatenate([places[turn::_TURNS] for turn in range(_TURNS)])
                  for places in np.nonzero(lit))
        lit_kernels.vote(
            ys.astype(np.float32), xs.astype(np.float32), sign, self.cosines, self.sines,
            np.float32(self.reach), self.votes,
        )
        self.stale = (0, self.cosines.size)

    def best(self) -> tuple[float, float, float, float] | None:
        """Return the ends [bin] of the line with most votes, each line once."""
        while not self.empty:
            lit_kernels.best(self.votes, self.used, *self.stale, self.limit, self.top, self.place)
            t = int(np.argmax(self.top))
            if self.top[t] < self.least:
                return None
            r = int(self.place[t])
            rows = slice(max(0, t // 4 - 1), t // 4 + 2)
            self.used[rows, max(0, r // 4 - 1) : r // 4 + 2] = True
            self.stale = (4 * rows.start, min(self.top.size, 4 * rows.stop))
            # the middle of two neighbouring distances
            rho, c, s = r + 0.5 - self.reach, float(self.cosines[t]), float(self.sines[t])
            ends = chord_of(rho * c, rho * s, -s, c, (self.shape[0], self.shape[1]))
            if ends is not None:
                x0, x1 = (2 * (rho * c - q * s) + 0.5 for q in ends)
                y0, y1 = (2 * (rho * s + q * c) + 0.5 for q in ends)
                return x0, y0, x1, y1
        return None

    def forget(self, state: NDArray[np.uint8]) -> None:
        """Take back the votes of bins that are no longer lit."""
        now = _halved(state)
        self._vote(self.lit & ~now, -1)
        self.lit = now


def _halved(state: NDArray[np.uint8]) -> Map:
    """Return where any of 2 x 2 bins is lit; an odd last bin is dropped."""
    lit = state == lit_kernels.LIT
    ny, nx = (size // 2 for size in lit.shape)
    pairs = lit[: 2 * ny : 2] | lit[1 : 2 * ny : 2]
    result: Map = pairs[:, : 2 * nx : 2] | pairs[:, 1 : 2 * nx : 2]
    return result


def _track(sight: Sight, small: _Bins, trace: Trace, shape: Shape, noise: float) -> LitTrack:
    """Return a run as a track, in pixels."""
    size = float(sight.size)
    arc = trace.arc.part(trace.first, trace.last).rescaled(size, 1.0)
    light = trace.glow[trace.lit]
    # a Gaussian has the width 0.94 area / peak; bins and rounding add a bin / sqrt(12) each
    across = np.maximum(shape.across, 0.0)
    seen = 0.94 * float(across.sum()) / max(float(across.max()), 1e-6) * size
    width = float(np.sqrt(max(seen**2 - 2 * (2.355 * size) ** 2 / 12, 1.0)))
    middle = float(np.median(light))
    chord = _shining(small, trace.arc.rescaled(size, float(SIZE)), middle)
    known = chord[chord != lit_kernels.UNKNOWN]
    return LitTrack(
        arc=arc, flags=_flagged(_shining(small, arc.rescaled(1.0, float(SIZE)), middle)),
        step=SIZE, half=(shape.half + 0.5) * size, width=width,
        brightness=middle * noise / SIZE * seen / width,
        score=float(np.sqrt((light**2).sum())),
        whole=trace.arc.bend == 0 and float((known == lit_kernels.LIT).mean()) > _WHOLE,
    )


def _shining(small: _Bins, arc: Arc, middle: float) -> NDArray[np.int8]:
    """Return the states of all steps of an arc over small bins, whatever found it."""
    # a lit bin of the lowest level, or 0.4 of the light of a track that is hardly brighter
    limit = min(_LEVELS[0][1], max(_LEAST, _PART * middle))
    state = np.where(small.z > limit, lit_kernels.LIT, lit_kernels.DARK)
    state[~small.known] = lit_kernels.UNKNOWN
    return Trace.along(_sight(small, state), arc).on


def _sight(small: _Bins, state: NDArray[np.integer[Any]]) -> Sight:
    """Return the small bins with states of their own."""
    return Sight(z=small.z, light=small.light, state=state.astype(np.uint8), full=small.full,
                 size=SIZE, minimum=0.0)


def _flagged(steps: NDArray[np.int8]) -> Map:
    """Return the steps of a run whose pixels are flagged: lit ones and those not known."""
    # a step more at both ends of a flash: light that is not enough to make a bin lit
    lit = np.convolve(steps == lit_kernels.LIT, np.ones(3), "full")[1:-1] > 0
    result: Map = lit | (steps == lit_kernels.UNKNOWN)
    return result
