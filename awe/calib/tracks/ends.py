"""Light beyond the ends of a run and of its flashes: filaments fade or bend away, tracks stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib.tracks import lit_kernels
from awe.calib.tracks.arc import Trace
from awe.calib.tracks.bins import runs

__all__ = ["beyond", "leaves"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from awe.calib.tracks.arc import Sight

#: light beyond an end, part of the median: filaments and discs fade, tracks stop
_TAIL = 0.20

#: lit runs from this length on have ends inside a run [bin]; part of those that may leave the line
_FLASH = 6
_LEAVING = 0.5


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
            wide = Trace.along(sight, trace.arc.part(first, last), reach=6)
            # the best of 13 bins of noise is 1.7 too high
            if np.median(wide.glow) > max(3.0, _TAIL * middle + 1.7):
                yield "bends away"


def leaves(sight: Sight, trace: Trace, middle: float) -> bool:
    """Return True if light goes on next to the line where the flashes of a run end.

    A wavy filament crosses a line again and again; between its crossings it shines next to it.

    Parameters
    ----------
    sight : Sight
        Bins the run was found on.
    trace : Trace
        The run.
    middle : float
        Median light of its lit steps.
    """
    wide = Trace.along(sight, trace.arc, reach=6)
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
            # the best of 13 bins of noise is 1.7 too high
            glow = wide.glow[trace.first + further]
            leaving += bool(np.median(glow) > max(3.0, _TAIL * middle + 1.7))
    return leaving > _LEAVING * ends
