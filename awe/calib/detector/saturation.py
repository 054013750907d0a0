"""Saturated pixels, the charge they spill, and the dead pixels next to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from awe.calib import _planes
from awe.calib._frames import takes_frames
from awe.errors import ParameterError

__all__ = ["Saturation", "converter_end", "find", "grown"]

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Map = NDArray[np.bool_]

#: bits of the smallest converter of a CCD, and pixels that end together at its last count
_FEWEST_BITS, _AT_END = 10, 3


@dataclass(frozen=True, kw_only=True)
class Saturation:
    """Pixels spoilt by too much light; ndarrays of bool, shape (ny, nx), True = bad.

    Attributes
    ----------
    saturated : ndarray of bool
        Raw count at or above the upper threshold.
    bleed : ndarray of bool
        Within reach of a saturated pixel, along the column (charge spills) and across it.
    dead : ndarray of bool
        Raw count at or below the lower threshold, near a saturated pixel.
    """

    saturated: Map
    bleed: Map
    dead: Map

    @property
    def bad(self) -> Map:
        """Pixels of any of the three kinds."""
        return self.saturated | self.bleed | self.dead


@takes_frames(double=True)
def converter_end(raw: NDArray[np.generic]) -> float:
    """Return the last count of the converter [ADU] where a frame shows it, else infinity.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx), ADU
        Trimmed raw frame of any real dtype; not modified.

    Notes
    -----
    It shows as the largest count of the frame, all bits of which are set (4095, 16383, ...), in
    several pixels: light alone does not end there.

    Examples
    --------
    >>> frame = np.full((9, 9), 300); frame[3, 2:6] = 16383
    >>> converter_end(frame), converter_end(frame // 2)
    (16383.0, inf)
    """
    # NaN, without a warning, where no pixel has a value
    largest = float(np.fmax.reduce(raw, axis=None)) if raw.size else 0.0
    bits = int(largest + 1).bit_length() - 1 if 0 < largest < 2.0**32 else 0
    if bits < _FEWEST_BITS or largest != 2.0**bits - 1:
        return float("inf")
    return largest if np.count_nonzero(raw == largest) >= _AT_END else float("inf")


@takes_frames(double=True)
def find(
    raw: NDArray[np.generic],
    *,
    high: float | NDArray[np.float32],
    low: float,
    along: int,
    beside: int,
    reach: int,
) -> Saturation:
    """Return the pixels spoilt by saturation.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx), ADU
        Trimmed raw frame of any real dtype, before any correction; not modified.
    high : float or ndarray of float32, shape (ny, nx), ADU
        Raw counts from here on are saturated, the same for all pixels or by pixel.
    low : float, ADU
        Raw counts down from here are dead, if a saturated pixel is near.
    along, beside : int, pixel
        Reach of bleeding along y (the column) and along x.
    reach : int, pixel
        Dead pixels lie within this distance of saturated ones, in x and y.

    Raises
    ------
    ParameterError
        The lower threshold is not below the upper one.

    Examples
    --------
    >>> frame = np.full((9, 9), 300); frame[4, 4] = 65535; frame[4, 6] = 0
    >>> spoilt = find(frame, high=60000, low=50, along=2, beside=1, reach=3)
    >>> int(spoilt.saturated.sum()), int(spoilt.bleed.sum()), int(spoilt.dead.sum())
    (1, 6, 1)
    """
    least = float(np.min(high))
    if not low < least:
        msg = f"THRESHOLD_LOW {low} must be below THRESHOLD_HIGH {least}; correct the parameters"
        raise ParameterError(msg)
    limit = high if isinstance(high, np.ndarray) else _comparable(raw, high, np.ceil)
    saturated = np.greater_equal(raw, limit)
    if not saturated.any():
        nothing = np.zeros_like(saturated)
        return Saturation(saturated=saturated, bleed=nothing, dead=nothing)
    # a cross, not a box: charge spills along the column, and x has a reach of its own;
    # the growth holds the saturated pixels, and XOR takes them out again
    bleed = grown(saturated, along, 0)
    bleed |= grown(saturated, 0, beside)
    bleed ^= saturated
    # a pixel that reads too little only counts as dead in the box of 2 reach + 1 around saturation
    dead = np.less_equal(raw, _comparable(raw, low, np.floor))
    if dead.any():
        dead &= grown(saturated, reach, reach)
    return Saturation(saturated=saturated, bleed=bleed, dead=dead)


def _comparable(raw: NDArray[Any], limit: float, to_whole: Callable[[float], float]) -> Any:
    """Return a limit in the type of whole counts: with a float all of them become floats."""
    if raw.dtype.kind not in "iu":
        return limit
    # whole n: n >= h is n >= ceil(h), n <= l is n <= floor(l); out of range the float stays
    bounds = np.iinfo(raw.dtype)
    whole = to_whole(limit)
    return raw.dtype.type(whole) if bounds.min <= whole <= bounds.max else limit


def grown(pixels: Map, along: int, beside: int) -> Map:
    """Return pixels with all within `along` of them in y and `beside` in x.

    Parameters
    ----------
    pixels : ndarray of bool, shape (ny, nx)
        Map of pixels, True = marked; not modified.
    along, beside : int
        Reach in y and in x [pixel].
    """
    result = np.empty(pixels.shape, np.bool_)
    _planes.grow(np.ascontiguousarray(pixels), along, beside, result)
    return result
