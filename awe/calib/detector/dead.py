"""Pixels that tell nothing because the read-out gave no signal: lines of one value.

A converter never gives the same number along a whole row or column, whose pixels have read noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from awe.calib._frames import takes_frames

__all__ = ["lines"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: pixels of a line that are looked at first
_SAMPLE = 64


@takes_frames(double=True)
def lines(raw: NDArray[np.generic], *, high: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows and which columns of a raw frame hold one value.

    Parameters
    ----------
    raw : ndarray, shape (ny, nx), ADU
        Trimmed raw frame of any real dtype; not modified.
    high : float, ADU
        Raw counts from here on are saturated: a line full of them is not dead.

    Examples
    --------
    >>> frame = np.arange(12).reshape(3, 4) % 5
    >>> frame[1] = 0
    >>> lines(frame, high=65535)[0].tolist()
    [False, True, False]
    """
    return _flat(raw, high), _flat(raw.T, high)


def _flat(raw: NDArray[np.generic], high: float) -> NDArray[np.bool_]:
    """Return which rows hold one value below saturation."""
    step = max(1, raw.shape[1] // _SAMPLE)
    sample = raw[:, ::step]
    flat: NDArray[np.bool_] = (sample == sample[:, :1]).all(axis=1)
    flat &= np.asarray(sample[:, 0], np.float64) < high
    for line in np.flatnonzero(flat):
        flat[line] = bool((raw[line] == raw[line, 0]).all())
    return flat
