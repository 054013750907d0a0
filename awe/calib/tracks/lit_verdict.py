"""Why a run of lit bins is not a track: spikes, filaments and galaxies are not even.

Tracks have the same light all along and stop; dark stretches between flashes are allowed, dim
ones are not. Light is compared in units of the frame's noise: next to a bright star the local
noise grows, and in its units a spike would look even.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from awe.calib.tracks import lit_kernels
from awe.calib.tracks.arc import Sight, Trace
from awe.calib.tracks.bins import runs
from awe.calib.tracks.ends import beyond, leaves
from awe.calib.tracks.evenness import UNBROKEN, rises_and_falls, uneven
from awe.calib.tracks.pulses import flashes, maxima, pulses

__all__ = ["TRAILED", "Shape", "bleeds", "profile", "refusal", "trailed"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

#: offsets of the profile across [bin], and the widest half width of a track
_OFFSETS = 16
_WIDEST = 14

#: bent runs, and those that begin or end inside the frame, must be longer than the shortest track
#: by this factor
_BENT_LONGER = 1.2
_INNER_LONGER = 1.5

#: a run that comes this near to an edge reaches it [bin]
_EDGE = 4.0

#: unbroken runs of this width at half maximum [bin] that end inside the frame are filaments
_BROAD = 4

#: least lit share of the known steps, and least known share of a run
_LEAST_LIT = 0.38
_LEAST_KNOWN = 0.3

#: least lit share above that of lines next to it, and the same in sigma; lumps need more
_CONTRAST = 0.30
_SURE = 8.0
_SURE_OF_LUMPS = 12.0

#: bent runs and those of large bins with less light must flash evenly
_DASHED = 0.85

#: runs of lit steps up to this are no longer than stars are wide [bin]
_STARLIKE = 4

#: 20th over 80th percentile of the light: below, it comes in lumps; least number of those
_FLAT = 0.5
_LUMPS = 12

#: steps where a wave is below this part of its highest place are its minima
_MINIMUM = 0.25

#: lines next to a run with less lit bins are not crowded: light next to its ends is its own
_EMPTY = 0.2

#: other sources are longer along the line than across it by this: trailed stars
_TRAILED = 1.8

#: the last reason against a run: all others hold of that run alone
TRAILED = "trailed"

#: along the columns at most this share may be saturated: bleeding
_BLEEDING = 0.3
_UPRIGHT = 0.02


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Light across a run.

    Attributes
    ----------
    half : int, bin
        From the middle to where the light is below one sigma.
    across : ndarray of float64, shape (33,)
        Median light at offsets of -16 to 16 bins.
    """

    half: int
    across: Values


def profile(sight: Sight, trace: Trace) -> Shape:
    """Return the light across the lit steps of a run.

    Parameters
    ----------
    sight : Sight
        Bins the run was found on.
    trace : Trace
        The run.
    """
    xs, ys = trace.arc.at(trace.lit.astype(np.float64))
    z, light = np.zeros(2 * _OFFSETS + 1), np.zeros(2 * _OFFSETS + 1)
    lit_kernels.across_run(
        sight.z, sight.light, xs, ys, trace.arc.ux, trace.arc.uy, 5, z, light
    )
    half = 1
    while half <= _WIDEST and max(z[_OFFSETS + half], z[_OFFSETS - half]) > 1.0:
        half += 1
    return Shape(half=half, across=light)


def refusal(sight: Sight, trace: Trace, shape: Shape, fine: Sight | None) -> str:
    """Return why a run is not a track; an empty string for a track.

    Parameters
    ----------
    sight : Sight
        Bins the run was found on.
    trace : Trace
        The run.
    shape : Shape
        Its profile.
    fine : Sight or None
        The small bins of a run that was found in large ones, where galaxies are as narrow as
        tracks.
    """
    return next(_reasons(sight, trace, shape, fine), "")


def bleeds(sight: Sight, trace: Trace) -> bool:
    """Return True if a run lies along a column and much of it is saturated.

    Parameters
    ----------
    sight : Sight
        Bins the run was found on.
    trace : Trace
        The run.
    """
    if abs(trace.arc.ux) >= _UPRIGHT:
        return False
    ny, nx = sight.full.shape
    columns, rows = trace.arc.bins(trace.lit.astype(np.float64), trace.place[trace.lit])
    full = sight.full[np.clip(rows, 0, ny - 1), np.clip(columns, 0, nx - 1)]
    return float(full.mean()) > _BLEEDING


def trailed(sight: Sight, trace: Trace, half: int) -> bool | None:
    """Return True if other sources are long in the direction of a run, None without any.

    Parameters
    ----------
    sight : Sight
        Bins the run was found on.
    trace : Trace
        The run.
    half : int
        From its middle to where its light ends [bin].
    """
    arc = trace.arc
    ys, xs = np.nonzero(sight.state == lit_kernels.LIT)
    across = (ys - arc.y0) * arc.ux - (xs - arc.x0) * arc.uy - 0.5 * arc.bend
    away = np.abs(across) > half + 3 + abs(arc.bend)
    ys, xs = ys[away], xs[away]
    if ys.size <= 60:
        return None
    some = np.linspace(0, ys.size - 1, min(ys.size, 400)).astype(np.intp)
    along, nearby = lit_kernels.run_lengths(
        sight.state, ys[some].astype(np.float64), xs[some].astype(np.float64), arc.ux, arc.uy
    )
    return bool(along > _TRAILED * nearby)


def _reasons(
    sight: Sight, trace: Trace, shape: Shape, fine: Sight | None
) -> Iterator[str]:
    """Give the reasons against a run, cheap ones first."""
    strict = fine is not None
    known = int((trace.steps != lit_kernels.UNKNOWN).sum())
    share = trace.lit.size / max(known, 1)
    bent = trace.arc.bend != 0
    if bleeds(sight, trace):
        yield "bleeding"
    length, shortest = trace.length * sight.size, sight.minimum
    inner = _is_inside(trace, sight.z.shape)
    run = slice(trace.first, trace.last + 1)
    dashed = (inner or strict or bent) and share < _DASHED
    even = dashed and flashes(trace.glow[run], trace.on[run])
    # what flashes may be dark at the edges
    inner = inner and not even
    if length < max(_BENT_LONGER if bent else 1.0, _INNER_LONGER if inner else 1.0) * shortest:
        yield "short"
    if known < _LEAST_KNOWN * trace.length or share < _LEAST_LIT:
        yield "dark"
    if shape.half >= _WIDEST:
        yield "wide"
    begins, ends = runs(trace.steps == lit_kernels.LIT)
    lumps = bool(np.median(ends - begins) <= _STARLIKE)
    nearby = _nearby(sight, trace, shape.half)
    spread = max(nearby * (1 - nearby), 0.01)
    sure = (share - nearby) * known / (known * spread) ** 0.5
    if share - nearby < _CONTRAST or sure < (_SURE_OF_LUMPS if lumps else _SURE):
        yield "crowded"
    if lumps and length < 2 * shortest:
        yield "stars"
    broad = int((shape.across > 0.5 * shape.across.max()).sum()) >= _BROAD
    # what fades among stars is followed by them at both ends
    if inner and broad and max(share, _middle_share(trace)) > UNBROKEN:
        yield "filament"
    light = trace.glow[trace.lit]
    dim, bright = np.percentile(light, [20, 80])
    reasons = list(uneven(sight, trace, strict or bent, share))
    # flashes so bright that the light between them is lit too are as many as before
    if dim < _FLAT * bright and (
        max(begins.size, maxima(light)) < _LUMPS or length < 2 * shortest
    ):
        reasons.append("lumps")
    tumbles = bool(reasons) and _tumbles(*_finer(sight, trace, fine))
    if not tumbles:
        yield from reasons
    if (strict or bent) and dashed and not (even or (strict and tumbles)):
        yield "dark"
    if not tumbles and rises_and_falls(sight, trace):
        yield "fading body"
    # the flanks of a wave are light beyond its lit steps too, and stay on its line
    if nearby < _EMPTY and leaves(sight, trace, float(np.median(light))) and not (
        tumbles or _tumbles(*_finer(sight, trace, fine))
    ):
        yield "leaves the line"
    if strict and trace.length < 0.8 * trace.arc.length:
        yield "part of a chord"
    if not tumbles:
        yield from beyond(sight, trace, float(np.median(light)),
                          share > UNBROKEN and nearby < _EMPTY)
    if trailed(sight, trace, shape.half):
        yield TRAILED


def _middle_share(trace: Trace) -> float:
    """Return the lit part of the known steps of the middle half of a run."""
    quarter = trace.length // 4
    middle = trace.steps[quarter : trace.steps.size - quarter]
    known = int((middle != lit_kernels.UNKNOWN).sum())
    return int((middle == lit_kernels.LIT).sum()) / known if known > quarter else 0.0


def _is_inside(trace: Trace, shape: tuple[int, ...]) -> bool:
    """Return True if a run begins or ends away from the edges of the frame."""
    x, y = trace.arc.at(np.array((trace.first, trace.last), np.float64))
    near = np.minimum.reduce([x, y, shape[1] - 1 - x, shape[0] - 1 - y])
    return bool(near.max() > _EDGE)


def _nearby(sight: Sight, trace: Trace, half: int) -> float:
    """Return the median lit share of eight lines next to a run."""
    shares = []
    for distance in (half + 3, half + 5, half + 8, half + 11):
        for sign in (-1, 1):
            other = Trace.along(sight, trace.arc.moved(sign * distance), reach=1)
            part = other.on[trace.first : trace.last + 1]
            known = int((part != lit_kernels.UNKNOWN).sum())
            if known > 10:
                shares.append(int((part == lit_kernels.LIT).sum()) / known)
    return float(np.median(shares)) if shares else 0.0


def _finer(sight: Sight, trace: Trace, fine: Sight | None) -> tuple[Sight, Trace]:
    """Return a run over the small bins: flashes are short for large ones."""
    if fine is None:
        return sight, trace
    run = trace.arc.part(trace.first, trace.last).rescaled(sight.size, fine.size)
    walked = Trace.along(fine, run)
    return fine, replace(walked, first=0, last=walked.on.size - 1)


def _tumbles(sight: Sight, trace: Trace) -> bool:
    """Return True if the light of a run is an even wave, and not that of something wavy."""
    run = slice(trace.first, trace.last + 1)
    glow = trace.glow[run]
    wave = pulses(np.where(trace.steps == lit_kernels.UNKNOWN, np.nan, glow))
    if not wave.size:
        return False
    # where a wavy filament leaves the line it shines next to it; a track is dark there
    wide = Trace.along(sight, trace.arc, reach=6).glow[run]
    low = wave < _MINIMUM * wave.max()
    if not low.any():
        return False
    # the best of 13 bins of noise is 1.7 too high
    return bool(np.median(wide[low]) < max(3.0, _MINIMUM * float(np.percentile(glow, 90)) + 1.7))
