"""Bits of the analogue-to-digital converter that are always the same.

A bit of a good converter is sometimes 0 and sometimes 1 wherever counts span a few of its steps.
Where one is stuck, every other block of counts, as wide as the bit, holds no pixel at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib._frames import takes_frames
from awe.calib.detector import sections

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from awe.calib.detector.geometry import ChipGeometry

__all__ = ["stuck_anywhere", "stuck_bits"]

#: pixels that suffice
_SAMPLE = 500_000

#: blocks of counts that must be filled, and the fewest pixels of each that counts
_BLOCKS, _FEWEST = 3, 3

#: fewest pixels outside the fullest block
_OUTSIDE = 30

#: most bits that are looked at
_BITS = 24


@takes_frames(double=True)
def stuck_anywhere(raw: NDArray[Any], geometry: ChipGeometry) -> tuple[int, ...]:
    """Return the values of the bits that are stuck in the converter of any amplifier.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx), any real dtype
        Untrimmed frame [ADU]; not modified.
    geometry : ChipGeometry
        Regions of the chip.
    """
    parts = [one.active for one in geometry.amplifiers] or [geometry.active]
    found = {bit for part in parts for bit in stuck_bits(raw[sections.parse(part)])}
    return tuple(sorted(found))


@takes_frames(double=True)
def stuck_bits(counts: NDArray[Any]) -> tuple[int, ...]:
    """Return the values of the bits that are the same in all counts, though they should not be.

    The lowest bits may be the same in all: many cameras shift the counts of 12 or 14 bits up.

    Parameters
    ----------
    counts : ndarray, shape (ny, nx), any real dtype
        Raw counts [ADU]; not modified. Counts that are not whole numbers, or below 0, are not
        those of a converter: nothing is found.

    Returns
    -------
    tuple of int
        Values of the bits, 1, 2, 4...; empty for a good converter, and where too few different
        counts are there to tell.

    Examples
    --------
    >>> counts = np.random.default_rng(1).normal(950, 30, (100, 100)).astype(np.uint16)
    >>> stuck_bits(counts)
    ()
    >>> stuck_bits(counts | 16)
    (16,)
    """
    if counts.dtype.kind not in "iu" or not counts.size:
        return ()
    some = counts[:: max(1, counts.size // _SAMPLE)]
    # the ends stand for dead and full pixels, whatever the converter does
    least, most = int(some.min()), int(some.max())
    if least < 0 or most >= 1 << _BITS:
        return ()
    filled = np.bincount(some.ravel())
    filled[[0, 65535] if filled.size > 65535 else [0]] = 0
    found, shifted = [], True
    for bit in range(most.bit_length()):
        ones = _same(filled, bit)
        shifted = shifted and ones is not None
        if ones is not None and not shifted and _told(filled, bit):
            found.append(1 << bit)
    return tuple(found)


def _same(filled: NDArray[Any], bit: int) -> bool | None:
    """Return the value of a bit that all counts share, None where they do not."""
    values = np.flatnonzero(filled)
    set_ = (values >> bit) & 1
    if not values.size or set_.min() != set_.max():
        return None
    return bool(set_[0])


def _told(filled: NDArray[Any], bit: int) -> bool:
    """Return True if counts are in enough blocks for a good bit to change."""
    blocks = np.bincount(np.arange(filled.size) >> bit, weights=filled)
    used = blocks[blocks >= _FEWEST]
    return used.size >= _BLOCKS and used.sum() - used.max() >= _OUTSIDE
