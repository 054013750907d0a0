"""Whether the light of a run is the same all along: filaments rise and fall, tracks do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib.tracks import lit_kernels
from awe.calib.tracks.bins import runs

__all__ = ["UNBROKEN", "has_trend", "rises_and_falls", "uneven"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from awe.calib.tracks.arc import Sight, Trace

    Values = NDArray[np.float64]

#: number of pieces, least number with light, and the percentile taken of each
_PIECES = 8
_FEWEST_PIECES = 5
_PERCENTILE = 80

#: least ratio of the second dimmest piece to the second brightest; for bent and wide ones
_UNIFORM = 0.60
_UNIFORM_STRICT = 0.70

#: largest range of a parabola through the pieces, part of their mean; for unbroken runs
_TREND = 0.15
_STEADY = 0.12
UNBROKEN = 0.9

#: an unbroken run of this part of the shortest track, and of the lit steps, has no trend either
_BODY = 0.6
_MOST_OF_IT = 0.5
_BODY_TREND = 0.2

#: largest range of a parabola through the heights of a whole chord, part of their mean, beyond
#: what two errors explain; what is narrow may decay by e
_CHORD_TREND = 0.3
_DECAY = 1.0

#: heights this many times the usual distance from it are left out (stars), while this part is left
_STRAY = 4.0
_MOST = 0.7


def uneven(sight: Sight, trace: Trace, strict: bool, share: float) -> Iterator[str]:
    """Give the reasons against the light of the pieces of a run.

    Parameters
    ----------
    sight : Sight
        Bins the run was found on.
    trace : Trace
        The run.
    strict : bool
        It is bent or was found in large bins: its pieces must be more alike.
    share : float
        Lit part of its known steps.
    """
    pieces, middles = [], []
    glow = _summed(sight, trace)
    for part in np.array_split(np.arange(trace.first, trace.last + 1), _PIECES):
        lit = part[trace.on[part] == lit_kernels.LIT]
        if lit.size >= max(3, 0.25 * part.size):
            pieces.append(float(np.percentile(glow[lit], _PERCENTILE)))
            middles.append(float(part.mean()) / trace.length)
    if len(pieces) < _FEWEST_PIECES:
        yield "pieces"
        return
    light, along = np.array(pieces), np.array(middles)
    order = np.sort(light)
    if order[1] < (_UNIFORM_STRICT if strict else _UNIFORM) * order[-2]:
        yield "uneven"
    # the brightest piece may hold a star
    rest = light < order[-1]
    rest = rest if rest.sum() >= 4 else np.ones(light.size, np.bool_)
    curve = np.polyval(np.polyfit(along[rest], light[rest], 2), along[rest])
    if np.ptp(curve) > (_TREND if share < UNBROKEN else _STEADY) * light[rest].mean():
        yield "trend"


def rises_and_falls(sight: Sight, trace: Trace) -> bool:
    """Return True if the light of the longest unbroken part of a run rises or falls.

    What fades into a field of stars is followed by their light, which hides the whole trend.

    Parameters
    ----------
    sight : Sight
        Bins the run was found on.
    trace : Trace
        The run.
    """
    begins, ends = runs(trace.steps != lit_kernels.DARK)
    longest = int(np.argmax(ends - begins))
    body = np.arange(trace.first + begins[longest], trace.first + ends[longest])
    lit = body[trace.on[body] == lit_kernels.LIT]
    if body.size * sight.size < _BODY * sight.minimum or lit.size < _MOST_OF_IT * trace.lit.size:
        return False
    glow = _summed(sight, trace)
    parts = [part for part in np.array_split(lit, _PIECES) if part.size >= 3]
    if len(parts) < _FEWEST_PIECES:
        return False
    light = np.array([float(np.median(glow[part])) for part in parts])
    along = np.array([float(part.mean()) for part in parts])
    rest = light < light.max()
    curve = np.polyval(np.polyfit(along[rest], light[rest], 2), along[rest])
    # noise alone gives a parabola some range
    scatter = float(np.std(light[rest] - curve))
    return bool(np.ptp(curve) - 2 * scatter > _BODY_TREND * light[rest].mean())


def has_trend(heights: Values, error: float, *, narrow: bool) -> bool:
    """Return True if the light along a whole chord rises or falls.

    Parameters
    ----------
    heights : ndarray of float64, shape (n,)
        Brightness of equal pieces of the chord.
    error : float
        Error of one, in the same unit.
    narrow : bool
        It is about as narrow as stars: filaments are mostly wider.
    """
    along = np.linspace(-1.0, 1.0, heights.size)
    use = np.ones(heights.size, np.bool_)
    for _ in range(3):
        fitted = np.polyfit(along[use], heights[use], 2)
        curve = np.polyval(fitted, along)
        rest = np.abs(heights - curve)
        near = rest <= _STRAY * float(np.median(rest[use]))
        # where the parabola does not fit most of them, all count
        if near.sum() < _MOST * heights.size:
            break
        use = near
    # an exponential curves upwards, the middle of a filament downwards
    limit = _DECAY if narrow and fitted[0] > 0 else _CHORD_TREND
    return bool(np.ptp(curve) - 2 * error > limit * float(heights[use].mean()))


def _summed(sight: Sight, trace: Trace) -> Values:
    """Return the light of all steps, of the brightest bin and of both next to it."""
    # a line nearly along an axis is now in one bin and now in two: their sum stays the same
    ny, nx = sight.light.shape
    total = np.zeros(trace.on.size)
    for beside in (-1, 0, 1):
        x, y = trace.arc.bins(np.arange(trace.on.size, dtype=np.float64), trace.place + beside)
        inside = (x >= 0) & (y >= 0) & (x < nx) & (y < ny)
        total += np.where(inside, sight.light[np.clip(y, 0, ny - 1), np.clip(x, 0, nx - 1)], 0.0)
    return total
