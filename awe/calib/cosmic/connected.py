"""How many hits there are: groups of flagged pixels that touch, with all their wings.

Hits of a search are groups of sharp pixels; pixels that joined them later connect some of them.
Counted are those whose first pixel is on the frame, not on its mirrored border.
"""

# mypy: ignore-errors
# the types inside compiled functions are inferred by numba

from __future__ import annotations

import numpy as np

from awe.calib._jit import compiled
from awe.calib.cosmic.kernels import COSMIC
from awe.calib.cosmic.search import collect

__all__ = ["count"]

#: mark of a pixel whose group is counted, the one `collect` leaves
_SEEN = np.uint8(16)


@compiled
def count(state, flagged, pad):
    """Return how many connected groups hits are; marks of `collect` are left in `state`.

    Parameters
    ----------
    state : ndarray of uint8, shape (ny, nx)
        State of each pixel; those of hits are marked.
    flagged : ndarray of int32, shape (n,)
        Flat indices of all pixels of hits.
    pad : int
        Width of the border [pixel]: what is mirrored there is not counted.
    """
    ny, nx = state.shape
    group = np.empty(flagged.size, np.int32)
    for k in range(flagged.size):
        state[flagged[k] // nx, flagged[k] % nx] &= ~_SEEN
    number = 0
    for start in range(flagged.size):
        y = flagged[start] // nx
        x = flagged[start] % nx
        inside = pad <= y < ny - pad and pad <= x < nx - pad
        if inside and state[y, x] & (COSMIC | _SEEN) == COSMIC:
            collect(state, flagged[start], COSMIC, _SEEN, group)
            number += 1
    return number
