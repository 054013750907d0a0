"""Light beyond the ends of a run and of its flashes: filaments fade or bend away, tracks stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib.tracks import lit_kernels
from awe.calib.tracks.arc import Arc, Trace
from awe.calib.tracks.bins import runs

__all__ = ["beyond", "leaves"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from awe.calib.tracks.arc import Sight

#: light beyond an end, part of the median: filaments and discs fade, tracks stop
_TAIL = 0.20

#: lit runs from this length on have ends inside a run [bin]; part of those that may leave the line
_FLASH = 6
_LEAVING = 0.5

#: lines with light of the field, to each side [bin]: 13 bins are looked at around each
_FAR = (14.0, 28.0)


def beyond(sight: Sight, trace: Trace, middle: float, unbroken: bool) -> Iterator[str]:
    """Give the reasons against what is beyond both ends of a run.

    Parameters
    ----------
    sight : Sight
        Bins the run was found on.
    trace : Trace
        The run.
    middle : float
        Median light of its lit steps.
    unbroken : bool
        It is lit all along, in a field that is not crowded.
    """
    steps = trace.on.size
    for end, way in ((trace.first, -1), (trace.last, 1)):
        # 3 bins on, that the light of the end itself is over; the best of 5 bins is 1.1 too high
        further = np.arange(end + 3 * way, end + 16 * way, way)
        further = further[(further >= 0) & (further < steps)]
        further = further[trace.on[further] != lit_kernels.UNKNOWN]
        if further.size >= 12 and np.median(trace.glow[further]) - 1.1 > _TAIL * middle:
            yield "fades"
        # light that leaves the line goes on next to it: a filament
        first, last = sorted((end + 3 * way, end + 12 * way))
        if trace.arc.bend == 0 and unbroken and first >= 0 and last < steps:
            tail = trace.arc.part(first, last)
            wide = [Trace.along(sight, arc, reach=6).glow for arc in _and_far(tail)]
            if _goes_on(wide, middle):
                yield "bends away"


def leaves(sight: Sight, trace: Trace, middle: float) -> bool:
    """Return True if light goes on next to the line where the flashes of a run end.

    A wavy filament crosses a line again and again; between its crossings it shines next to it.
    Among many hits there is light everywhere: what is as bright further away is not the run's.

    Parameters
    ----------
    sight : Sight
        Bins the run was found on.
    trace : Trace
        The run.
    middle : float
        Median light of its lit steps.
    """
    wide = [Trace.along(sight, arc, reach=6).glow for arc in _and_far(trace.arc)]
    lit = trace.steps == lit_kernels.LIT
    ends = leaving = 0
    for begin, end in zip(*runs(lit), strict=True):
        if end - begin < _FLASH:
            continue
        for place, way in ((begin, -1), (end - 1, 1)):
            further = np.arange(place + 3 * way, place + 12 * way, way)
            if further.min() < 0 or further.max() >= lit.size or lit[further].any():
                continue
            ends += 1
            leaving += _goes_on([glow[trace.first + further] for glow in wide], middle)
    return leaving > _LEAVING * ends


def _and_far(arc: Arc) -> list[Arc]:
    """Return an arc, and those that are so far from it that its own light is over."""
    return [arc, *(arc.moved(sign * far) for far in _FAR for sign in (-1, 1))]


def _goes_on(glow: list[NDArray[np.float64]], middle: float) -> bool:
    """Return True if there is light on the first of some lines and on few of the others."""
    # the best of 13 bins of noise is 1.7 too high
    limit = max(3.0, _TAIL * middle + 1.7)
    bright = [bool(np.median(light) > limit) for light in glow]
    return bright[0] and sum(bright[1:]) < 2
