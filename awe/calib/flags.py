"""The reasons why a pixel may not be used: one bit each, declared once.

Everything that names a bit (headers, documentation, plots, `weight`) derives it from `PixelFlag`.
This module knows no thresholds and sets no bits: the detectors do.
"""

from __future__ import annotations

from enum import IntFlag
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

import numpy as np

__all__ = ["ANY_FLAG", "FLAG_DTYPE", "PixelFlag", "counts", "header_cards", "names"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: dtype of every plane of flags
FLAG_DTYPE = np.dtype(np.uint16)


class PixelFlag(IntFlag):
    """Reason bits of a pixel; 0 means the pixel may be used.

    Each member carries `key` (FITS keyword that holds its bit number), `short` (comment of that
    card) and `text` (one sentence for people).
    """

    key: str
    short: str
    text: str

    def __new__(cls, bit: int, key: str = "", short: str = "", text: str = "") -> PixelFlag:
        """Make a member of a bit number and its texts."""
        value = 1 << bit
        member = int.__new__(cls, value)
        member._value_ = value
        member.key = key
        member.short = short
        member.text = text
        return member

    NON_FINITE = (
        0, "FLG_NFIN", "not a finite number",
        "The raw value, or a calibration applied to it, is NaN or infinite.",
    )
    SATURATED = (
        1, "FLG_SATU", "saturated",
        "The raw count reached the saturation threshold of the chip.",
    )
    BLEED = (
        2, "FLG_BLED", "bleeding from a saturated pixel",
        "Charge of a saturated pixel spilled over into this one.",
    )
    DEAD = (
        3, "FLG_DEAD", "dead",
        "The raw count is below anything read out without light, its row or column holds one "
        "value, or near a saturated pixel it fell to the lower threshold.",
    )
    HOT = (
        4, "FLG_HOT", "hot pixel",
        "The master bias of this chip has excess signal here, or its dark current is left in.",
    )
    COLD = (
        5, "FLG_COLD", "cold pixel",
        "The response to light deviates from the neighbours in the dome flat.",
    )
    BAD_FLAT = (
        6, "FLG_FLAT", "flat cannot divide",
        "The master flat is zero, negative or not finite here.",
    )
    COSMIC = (
        7, "FLG_COSM", "cosmic ray",
        "A particle hit was found in this exposure.",
    )
    SATELLITE = (
        8, "FLG_TRCK", "satellite or aircraft track",
        "A straight track was found in this exposure.",
    )
    INTERPOLATED = (
        9, "FLG_INTP", "next to a filled pixel",
        "On a new grid: a bad pixel within the kernel's reach was filled from its neighbours; "
        "the weight is kept where no other bit is set.",
    )
    OUTSIDE = (
        10, "FLG_OUTS", "outside the frame",
        "On a new grid: no pixel of the frame is here.",
    )

    def __invert__(self) -> PixelFlag:
        """Return all other bits; Python 3.11.2 leaves most of them out."""
        return PixelFlag(ANY_FLAG ^ int(self))


#: all bits there are
ANY_FLAG = reduce(or_, PixelFlag)


def header_cards() -> list[tuple[str, int, str]]:
    """Return the (keyword, bit number, comment) cards that document a plane of flags.

    Examples
    --------
    >>> header_cards()[1]
    ('FLG_SATU', 1, 'bit of: saturated')
    """
    return [(flag.key, int(flag).bit_length() - 1, f"bit of: {flag.short}") for flag in PixelFlag]


def names(value: int) -> list[str]:
    """Return the short texts of all bits set in one value.

    Parameters
    ----------
    value : int
        Sum of bits of `PixelFlag`.

    Examples
    --------
    >>> names(PixelFlag.HOT | PixelFlag.COSMIC)
    ['hot pixel', 'cosmic ray']
    """
    return [flag.short for flag in PixelFlag if value & flag]


def counts(flags: NDArray[np.uint16]) -> dict[str, int]:
    """Return how many pixels carry each bit, by the name of the bit.

    Parameters
    ----------
    flags : ndarray of uint16, any shape
        Plane of `PixelFlag` bits.
    """
    values, number = np.unique(flags[flags != 0], return_counts=True)
    return {
        str(flag.name): int(number[(values & int(flag)) != 0].sum()) for flag in PixelFlag
    }
